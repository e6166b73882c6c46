"""A public client of Socrata uploads, queries and deletes at the sandbox's portal, as it does anywhere."""

import sys

from requests.adapters import HTTPAdapter
from sodapy import Socrata

host, dataset, token, user, password = sys.argv[1:]
client = Socrata(
    host,
    token,
    username=user,
    password=password,
    session_adapter={"prefix": "http://", "adapter": HTTPAdapter()},
)
rows = [{"trip_id": name, "trip_duration": 60 * n, "year": 2020} for n, name in enumerate("abc", 1)]
taken = client.upsert(dataset, rows)
assert (taken["Rows Created"], taken["Errors"]) == (3, 0), taken
taken = client.upsert(dataset, [{"trip_id": "a", "trip_duration": 600}, {"trip_id": "c", ":deleted": True}])
assert (taken["Rows Updated"], taken["Rows Deleted"]) == (1, 1), taken
found = client.get(dataset, select="trip_id, trip_duration", where="year = 2020", order="trip_id", limit=10)
assert [(row["trip_id"], row["trip_duration"]) for row in found] == [("a", "600"), ("b", "120")], found
total = client.get(dataset, select="count(*) as total, sum(trip_duration) as seconds")
assert total == [{"total": "2", "seconds": "720"}], total
identifier = client.get_metadata(dataset)
columns = {column["id"]: column["fieldName"] for column in identifier["columns"]}
assert columns[identifier["rowIdentifierColumnId"]] == "trip_id", identifier
client.delete(dataset, row_id="b")
assert [row["trip_id"] for row in client.get(dataset)] == ["a"]
