"""What Python's libraries make of each case: a line of JSON in, a line of JSON out. The argument says of what kind."""

import base64
import datetime
import decimal
import fractions
import json
import sys
import zoneinfo

HOUR = datetime.timedelta(hours=1)
UTC = datetime.timezone.utc
# Exponents of any size, and as many digits as anybody writes.
decimal.setcontext(decimal.Context(prec=200, rounding=decimal.ROUND_HALF_UP, Emin=decimal.MIN_EMIN, Emax=decimal.MAX_EMAX))


def digits(case):
    """The nearest whole number of a number times ten to the power of some places, and whether that is exact."""
    number = decimal.Decimal(case["number"])
    if case["stamp"]:
        number *= 10 ** (6 if abs(number) < 10**11 else 3)
    if number.adjusted() > 60:
        return {"whole": None, "exact": False}
    scaled = number * 10 ** case["places"]
    whole = scaled.to_integral_value(decimal.ROUND_HALF_UP)
    return {"whole": str(int(whole)), "exact": whole == scaled, "nearly": nearly_whole(scaled)}


def nearly_whole(number):
    """Whether a number that a program has computed is a whole one but for the error of its floating-point numbers."""
    if len(number.normalize().as_tuple().digits) < 15:
        return False
    before_point = max(number.adjusted() + 1, 0)
    error = decimal.Decimal(10) ** -min(max(13 - before_point, 3), 12)
    fraction = abs(number) % 1
    return fraction < error or fraction >= 1 - error


def fernet(case):
    from cryptography.fernet import Fernet, InvalidToken

    token = Fernet(case["key"].encode())
    if "content" in case:
        return {"token": token.encrypt(base64.b64decode(case["content"])).decode()}
    try:
        return {"content": base64.b64encode(token.decrypt(base64.b64decode(case["token"]))).decode()}
    except InvalidToken:
        return {"content": None}


def edges(coordinates):
    """The edges of all rings of a geometry."""
    if isinstance(coordinates[0][0], list):
        for part in coordinates:
            yield from edges(part)
    else:
        yield from zip(coordinates, coordinates[1:])


def is_next_to(edge, point):
    """Whether a point is beside an edge, by less than shapely can tell: it computes with twice the digits of a float."""
    (ax, ay), (bx, by), (x, y) = *edge, point
    if abs((bx - ax) * (y - ay) - (by - ay) * (x - ax)) > 1e-12:
        return False
    (ax, ay), (bx, by), (x, y) = ([fractions.Fraction(it) for it in place] for place in (*edge, point))
    return 0 < abs((bx - ax) * (y - ay) - (by - ay) * (x - ax)) < 1e-30


def geometry(case):
    """The first feature of each point. It is unclear of a point that is next to an edge."""
    import shapely
    from shapely.geometry import shape

    features = [shape(feature) for feature in case["features"]]
    if not all(feature.is_valid for feature in features):
        return None
    found = [None] * len(case["points"])
    xs, ys = [x for x, _ in case["points"]], [y for _, y in case["points"]]
    for index, feature in reversed(list(enumerate(features))):
        for point, inside in enumerate(shapely.intersects_xy(feature, xs, ys)):
            if inside:
                found[point] = index
    lines = [edge for feature in case["features"] for edge in edges(feature["coordinates"])]
    unclear = lambda point: any(is_next_to(edge, point) for edge in lines)
    return ["unclear" if unclear(point) else it for point, it in zip(case["points"], found)]


def civil(zone, instant):
    return instant.astimezone(zone)


def times(case):
    """The label of an hour that ends at an instant, and the instant that a civil hour means."""
    zone = zoneinfo.ZoneInfo(case["zone"])
    end = civil(zone, datetime.datetime.fromtimestamp(case["end"], UTC))
    label = f"{end.year:04}-{end.month:02}-{end.day:02}-{end.hour:02}" + ("b" if end.fold else "")
    naive = datetime.datetime(*case["civil"])
    first, second = (naive.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if civil(zone, first).replace(tzinfo=None) != naive:
        # The clocks skip this hour: the instant of the change is meant.
        first = min(first, second)
        while civil(zone, first).replace(tzinfo=None) <= naive:
            first += HOUR
        while civil(zone, first - HOUR).replace(tzinfo=None) > naive:
            first -= HOUR
        second = None
    elif second == first:
        second = None
    stamp = lambda instant: None if instant is None else int(instant.timestamp())
    return {"label": label, "first": stamp(first), "second": stamp(second)}


def zones(case):
    """Whether a zone is a whole number of hours from UTC, on a day of each week from 2000 to 2049."""
    zone = zoneinfo.ZoneInfo(case["zone"])
    day = datetime.datetime(2000, 1, 1, tzinfo=UTC)
    while day.year < 2050:
        if civil(zone, day).utcoffset() % HOUR:
            return False
        day += datetime.timedelta(days=case["step"])
    return True


answer = globals()[sys.argv[1]]
for line in sys.stdin:
    print(json.dumps(answer(json.loads(line))))
