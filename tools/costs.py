"""Computes the tables of docs/COSTS.md: what a month costs on AWS. Every figure comes from a formula that stands beside it.

    python3 tools/costs.py                  prints the tables
    python3 tools/costs.py --check PAGE     fails if the page has others
    python3 tools/costs.py --write PAGE     puts them into the page
"""

import pathlib
import sys

# US dollars. List prices of us-east-1 without the free tier.
PRICES = {
    "gb_second": (0.0000133334, "Lambda on arm64, a GB-second"),
    "invocation": (0.20e-6, "Lambda, an invocation"),
    "transition": (25e-6, "Step Functions, a state transition (Standard)"),
    "put": (5e-6, "S3, a PUT"),
    "get": (0.40e-6, "S3, a GET"),
    "gb_stored": (0.023, "S3 Standard, a GB-month"),
    "metric": (0.30, "CloudWatch, a custom metric for a month"),
    "alarm_metric": (0.10, "CloudWatch, a metric of a standard alarm for a month"),
    "dashboard": (3.00, "CloudWatch, a dashboard for a month"),
    "gb_logged": (0.50, "CloudWatch Logs, a GB written"),
    "gb_logs_kept": (0.03, "CloudWatch Logs, a GB-month"),
    "trace": (5e-6, "X-Ray, a trace"),
    "secret": (0.40, "Secrets Manager, a secret for a month"),
    "key": (1.00, "KMS, a key for a month"),
    "nat_hour": (0.045, "NAT gateway, an hour"),
    "nat_gb": (0.045, "NAT gateway, a GB"),
}

# Where each price was read. The others are assumed.
SOURCES = {
    "gb_second": "cloudchipr.com/blog/aws-lambda-pricing (2024)",
    "invocation": "docs.aws.amazon.com, How AWS Pricing Works",
    "transition": "aws.amazon.com/step-functions/pricing",
    "put": "devnotes.tech, Understanding AWS S3 Pricing",
    "get": "the same",
    "gb_stored": "the same",
    "metric": "signoz.io/guides/cloudwatch-pricing (February 2026)",
    "dashboard": "factualminds.com, Amazon CloudWatch Pricing",
    "gb_logged": "the same",
    "secret": "hivebook.wiki, AWS Secrets Manager",
    "key": "cloudburn.io/blog/aws-kms-pricing (March 2026)",
    "nat_hour": "basavytix.com/blog/aws-nat-gateway-pricing",
    "nat_gb": "the same",
}

ASSUMED = {
    "hours": (730, "hours of a month"),
    "nights": (30.4, "nights of a month"),
    "trips_per_block": (25, "trips of a block: 40 million in ten years of 18 providers"),
    "provider_s": (1.1, "seconds that extract waits for the provider, the bucket and the database"),
    "load_s": (0.1, "seconds that sync-db waits"),
    "portal_s": (4, "seconds that sync-socrata waits: up to one upload of 2 s of another, then its own"),
    "work_s_per_trip": (0.000078, "seconds of work for a trip in a function of 1 GB"),
    "empty_share": (0.10, "share of hours without a trip, which every sweep of 35 days requests again"),
    "plans_per_day": (26, "24 hours, the sweep and the audit"),
    "plan_s": (2, "seconds of a plan and its summary"),
    "audit_s": (60, "seconds of an audit's plan"),
    "errors": (6, "different error names in a month"),
    "kb_logged": (8, "KB of log lines and metrics of a block; a requested empty one has 3"),
    "kb_trip": (2.86, "KB of a trip as its provider sends it"),
    "b_stored": (414, "bytes of a trip in the bucket"),
    "azs": (1, "availability zones with a NAT gateway"),
}

# What is counted in the code and in the template; infra/tests/test_alarms.py compares.
COUNTED = {
    "stage_metrics": (15, "metrics by stage alone"),
    "step_metrics": (3, "metrics by step"),
    "provider_metrics": (2, "metrics by provider"),
    "alarm_metrics": (18, "metrics that alarms look at"),
}

QUANTITIES = [
    ("blocks", "providers * hours", "blocks of a month"),
    ("empty", "providers * 840 * empty_share * nights", "empty hours that sweeps request again"),
    ("plans", "plans_per_day * nights", "executions"),
    ("trips", "blocks * trips_per_block", "trips of a month"),
    ("metrics", "stage_metrics + step_metrics + provider_metrics * providers + errors", "custom metrics"),
    ("gb_log", "(blocks * kb_logged + empty * 3 + plans * 5) / 1e6", "GB of log lines"),
]

LINES = [
    ("Lambda: extract and load", "(blocks * (provider_s + load_s) + trips * work_s_per_trip) * gb_second"),
    ("Lambda: waits for the portal", "blocks * portal_s * gb_second"),
    ("Lambda: plans and audits", "(plans * plan_s + nights * audit_s) * gb_second"),
    ("Lambda: empty hours again", "empty * provider_s * gb_second"),
    ("Lambda: invocations", "(blocks * 3 + empty + plans * 2) * invocation"),
    ("Step Functions: blocks", "blocks * 8 * transition"),
    ("Step Functions: plans and empty hours", "(plans * 8 + empty * 5) * transition"),
    ("S3: requests", "(blocks * 4 + plans * 4) * put + (blocks * 2 + empty) * get"),
    ("S3: archives after a year", "trips * 12 * b_stored / 1e9 * gb_stored"),
    ("CloudWatch: metrics", "metrics * metric"),
    ("CloudWatch: alarms and dashboard", "alarm_metrics * alarm_metric + dashboard"),
    ("CloudWatch: logs, kept for 90 days", "gb_log * gb_logged + gb_log * 3 * gb_logs_kept"),
    ("X-Ray, at most", "(blocks * 3 + empty + plans * 2) * trace"),
    ("secret and key", "secret + key"),
]
VPC = [
    ("NAT gateway: hours", "azs * hours * nat_hour"),
    ("NAT gateway: trips, portal and logs", "(trips * kb_trip * 1.3 / 1e6 + gb_log) * nat_gb"),
]
SIZES = (1, 8, 18)
BEGIN, END = "<!-- costs.py -->", "<!-- end of costs.py -->"


def values(providers):
    known = {"providers": providers}
    for table in (PRICES, ASSUMED, COUNTED):
        known |= {name: value for name, (value, _) in table.items()}
    for name, formula, _ in QUANTITIES:
        known[name] = eval(formula, {}, known)  # noqa: S307
    return known


def cost(formula, providers):
    return eval(formula, {}, values(providers))  # noqa: S307


def number(value):
    return f"{value:.10f}".rstrip("0").rstrip(".")


def row(*cells):
    return f"| {' | '.join(cells)} |"


def money(lines, title, formulas=True):
    out = [row(title, *[f"{n}" for n in SIZES], "formula"), row(*["---"] * (len(SIZES) + 2))]
    for name, formula in lines:
        out.append(row(name, *[f"${cost(formula, n):.2f}" for n in SIZES], f"`{formula}`"))
    sums = [sum(cost(formula, n) for _, formula in lines) for n in SIZES]
    return [*out, row("**sum**", *[f"**${it:.2f}**" for it in sums], "")]


def tables():
    out = ["A month, in US dollars, for 1, 8 and 18 providers:", "", *money(LINES, "item"), ""]
    out += ["In a VPC, in addition:", "", *money(VPC, "item"), ""]
    out += ["What the formulas multiply:", "", row("name", *[str(n) for n in SIZES], "formula"), row(*["---"] * 5)]
    for name, formula, text in QUANTITIES:
        shown = [f"{values(n)[name]:,.2f}".rstrip("0").rstrip(".") for n in SIZES]
        out.append(row(f"`{name}`: {text}", *shown, f"`{formula}`"))
    for title, table in (("What is assumed:", ASSUMED), ("What is counted:", COUNTED)):
        out += ["", title, "", row("name", "value", "meaning"), row("---", "---", "---")]
        out += [row(f"`{name}`", number(value), text) for name, (value, text) in table.items()]
    out += ["", "Unit prices:", "", row("name", "value", "meaning", "read at"), row(*["---"] * 4)]
    out += [row(f"`{name}`", number(value), text, SOURCES.get(name, "assumed")) for name, (value, text) in PRICES.items()]
    return "\n".join(out)


def main(arguments):
    if not arguments:
        print(tables())
        return 0
    mode, page = arguments[0], pathlib.Path(arguments[1])
    text = page.read_text()
    begin, end = text.index(BEGIN) + len(BEGIN), text.index(END)
    wanted = f"{text[:begin]}\n\n{tables()}\n\n{text[end:]}"
    if mode == "--write":
        page.write_text(wanted)
    elif wanted != text:
        print(f"{page}: the figures are not those of tools/costs.py; run: python3 tools/costs.py --write {page}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
