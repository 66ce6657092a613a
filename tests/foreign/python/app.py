"""A plugin in Python: sessions that sit idle in a transaction, which hold locks and keep vacuum from cleaning up.

`WitWorld` is the plugin: one method per export of wit/world.wit. What looks (`observe`) calls the host, what judges (`judge`) is a
pure function from values to findings.
"""

import json

import probe
import wit_world
from componentize_py_types import Err
from wit_world.imports import errors, log, manifest, memory, postgres, report

CHECK = "idle-in-transaction"
SETTINGS = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "older_than": {
            "description": "Seconds from which on an idle transaction counts.",
            "type": "number", "minimum": 0, "default": 60,
        },
        "warning": {"description": "So many are a warning.", "type": "integer", "minimum": 1, "default": 1},
        "critical": {"description": "So many are critical.", "type": "integer", "minimum": 1, "default": 10},
        "try": {"description": "For tests: what to try instead of looking.", "enum": probe.NAMES},
    },
}
DEFAULTS = {name: entry["default"] for name, entry in SETTINGS["properties"].items() if "default" in entry}

# The text of a query stands for one that the login role may not see: state is NULL then, and is not to be taken for "not idle".
QUERY = """
SELECT count(*) FILTER (WHERE state LIKE 'idle in transaction%' AND state_change <= now() - make_interval(secs => $1)),
       count(*) FILTER (WHERE query = '<insufficient privilege>')
FROM pg_stat_activity WHERE datid IS NOT NULL
"""


class WitWorld(wit_world.WitWorld):
    def describe(self) -> manifest.Manifest:
        return manifest.Manifest(
            name="idle-python",
            version="0.1.0",
            summary="Finds sessions that sit idle in a transaction",
            settings_schema=json.dumps(SETTINGS),
            checks=[
                manifest.Check(CHECK, "Idle transactions", "They hold locks and keep vacuum from removing dead rows. Find who forgot to commit."),
                manifest.Check(probe.CHECK, "What WASI gives", "For tests: nothing of the machine is to be had."),
            ],
            wants=[manifest.Want(manifest.Capability.POSTGRES, True, "to read pg_stat_activity")],
            needs=[],
            actions=[],
        )

    def check_settings(self, settings: str) -> list[manifest.Problem]:
        given = DEFAULTS | json.loads(settings)
        if given["critical"] < given["warning"]:
            return [manifest.Problem("/critical", f"must not be below warning, which is {given['warning']}")]
        return []

    def run(self, context: report.Context) -> report.Report:
        settings = DEFAULTS | json.loads(context.settings)
        if "try" in settings:
            return report.Report(findings=probe.findings(settings["try"], context), metrics=[], proposals=[])
        findings, metrics = [], []
        for database in granted(context, "postgres"):
            finding, found = judge(database, observe(database, settings["older_than"]), settings)
            findings.append(finding)
            metrics += found
        return report.Report(findings=findings, metrics=metrics, proposals=[])


def observe(database: str, older_than: float) -> dict | errors.Error:
    """The counts now and in the run before, or the error that there was instead."""
    try:
        with postgres.query(database, QUERY, [postgres.Value_Float(older_than)]) as rows:
            [[idle, hidden]] = rows.next(1)
        before = memory.get(database)
        memory.set(database, str(idle.value).encode())
        log.log(log.Level.INFO, f"{database}: {idle.value} idle in transaction, {hidden.value} sessions hidden")
        return {"idle": idle.value, "hidden": hidden.value, "before": None if before is None else int(before)}
    except Err as error:
        return error.value


def judge(database: str, observed: dict | errors.Error, settings: dict) -> tuple[report.Finding, list[report.Metric]]:
    """What the counts mean. Needs no host, so that a test can call it with an ordinary Python."""
    finding = report.Finding(
        key=f"{CHECK}/{database}", check=CHECK, status=report.Status.UNKNOWN, reason=None, subject=database,
        summary="", detail=None, advice=None, evidence=[],
    )
    if not isinstance(observed, dict):
        finding.reason, finding.summary = reason_of(observed), in_words(observed)
        return finding, []
    idle, hidden, before = observed["idle"], observed["hidden"], observed["before"]
    finding.evidence = [report.Fact("idle", str(idle)), report.Fact("hidden", str(hidden))]
    if before is not None:
        finding.evidence.append(report.Fact("before", str(before)))
    finding.summary = f"{idle} sessions idle in a transaction for {settings['older_than']:g} s or longer"
    if idle >= settings["critical"]:
        finding.status = report.Status.CRITICAL
    elif idle >= settings["warning"]:
        finding.status = report.Status.WARNING
    elif hidden == 0:
        finding.status = report.Status.OK
    else:
        finding.reason = report.Reason.NO_PRIVILEGE
        finding.summary = f"{hidden} sessions of other roles cannot be looked at"
        finding.advice = "GRANT pg_read_all_stats TO the role that pgreeve logs in as;"
    if finding.status in (report.Status.WARNING, report.Status.CRITICAL):
        finding.advice = "SELECT pid, usename, state_change, query FROM pg_stat_activity WHERE state LIKE 'idle in transaction%';"
    label = report.Label("database", database)
    return finding, [report.Metric("idle_in_transaction_count", float(idle), "count", [label])]


def granted(context: report.Context, capability: str) -> list[str]:
    """The names that the job was granted of a capability."""
    return [name for grant in context.grants if grant.capability == capability for name in grant.names]


def reason_of(error: errors.Error) -> report.Reason:
    """Why an unanswered question makes the answer unknown."""
    match error:
        case errors.Error_Denied() | errors.Error_Remote(errors.RemoteError(code="42501")):
            return report.Reason.NO_PRIVILEGE
        case errors.Error_Unreachable() | errors.Error_TimedOut():
            return report.Reason.UNREACHABLE
        case _:
            return report.Reason.FAILED


def in_words(error: errors.Error) -> str:
    """The error in one line."""
    match error:
        case errors.Error_Remote(remote):
            return f"{remote.message} (SQLSTATE {remote.code})"
        case errors.Error_LimitExceeded(limit):
            return f"the run's limit of {limit.name.lower()} was met"
        case _:
            return error.value
