"""Which of MLflow's routes are let through, which are not, and why.

Everything that is in neither table is refused. A test lists the routes that MLflow has and fails if one is in neither, so that a new version's new
route is looked at before anybody can call it.

A template has ``{}`` for one segment of a path and ``{path}`` for one or more. ``API`` and ``API3`` stand for the two prefixes under which
MLflow repeats its REST interface: ``api`` for clients and ``ajax-api`` for its pages.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

__all__ = ["ALLOWED", "DENIED", "Access", "RouteTable", "Rule"]


class Access(StrEnum):
    """What a route does to the workspace."""

    READ = "read"
    WRITE = "write"
    OPEN = "open"
    """Answered without asking who calls."""


@dataclass(frozen=True)
class Rule:
    """One route.

    Attributes
    ----------
    method
        HTTP method; ``*`` in the table of refused routes.
    template
        Path under the static prefix, without the leading slash.
    access
        None: refused.
    note
        Why.
    streams
        Whether the body goes straight to disk; other bodies are held in memory and so limited.
    artifact
        Whether the answer is a file that a run wrote, which a browser must not trust.
    refusal
        Status of the answer where `access` is None.
    """

    method: str
    template: str
    access: Access | None
    note: str
    streams: bool = False
    artifact: bool = False
    refusal: int = 403


def _group(note: str, lines: str, *, streams: bool = False, artifact: bool = False, refusal: int = 403) -> Iterable[Rule]:
    """Turn lines of ``[read|write|open|deny] METHOD[,METHOD] TEMPLATE`` into rules."""
    for line in lines.strip().splitlines():
        kind, methods, template = line.split()
        access = None if kind == "deny" else Access(kind)
        for method in methods.split(","):
            for path in _expand(template):
                yield Rule(method, path, access, note, streams, artifact, refusal)


def _expand(template: str) -> tuple[str, ...]:
    for mark, version in (("API3/", "3.0"), ("API/", "2.0")):
        if template.startswith(mark):
            rest = template.removeprefix(mark)
            return (f"api/{version}/{rest}", f"ajax-api/{version}/{rest}")
    return ("" if template == "/" else template,)


ALLOWED: tuple[Rule, ...] = (
    *_group("Says that the server lives, nothing else.", "open GET health"),
    *_group(
        "The pages, their scripts and what they ask about the server itself. No one's data is in them; the gateway tells the page that there are "
        "no workspaces where the caller has one, so that it does not ask which.",
        """
        read GET /
        read GET static-files/{path}
        read GET version
        read GET API3/mlflow/server-info
        read GET,POST ajax-api/3.0/mlflow/ui-telemetry
        """,
    ),
    *_group(
        "Experiments are filtered by workspace in every query. A location for artifacts is refused by MLflow itself where workspaces are on.",
        """
        read GET API/mlflow/experiments/get
        read GET API/mlflow/experiments/get-by-name
        read GET,POST API/mlflow/experiments/search
        read POST ajax-api/2.0/mlflow/experiments/search-datasets
        write POST API/mlflow/experiments/create
        write POST API/mlflow/experiments/update
        write POST API/mlflow/experiments/delete
        write POST API/mlflow/experiments/restore
        write POST API/mlflow/experiments/set-experiment-tag
        write POST API/mlflow/experiments/delete-experiment-tag
        """,
    ),
    *_group(
        "Runs are found through their experiment, which is filtered by workspace; identifiers are made by the server.",
        """
        read GET API/mlflow/runs/get
        read POST API/mlflow/runs/search
        read GET API/mlflow/metrics/get-history
        read GET API/mlflow/metrics/get-history-bulk-interval
        read GET ajax-api/2.0/mlflow/metrics/get-history-bulk
        read GET API/mlflow/artifacts/list
        write POST API/mlflow/runs/create
        write POST API/mlflow/runs/update
        write POST API/mlflow/runs/delete
        write POST API/mlflow/runs/restore
        write POST API/mlflow/runs/log-metric
        write POST API/mlflow/runs/log-parameter
        write POST API/mlflow/runs/log-batch
        write POST API/mlflow/runs/log-model
        write POST API/mlflow/runs/log-inputs
        write POST API/mlflow/runs/outputs
        write POST API/mlflow/runs/set-tag
        write POST API/mlflow/runs/delete-tag
        """,
    ),
    *_group(
        "Read-only queries over the same stores as the REST interface, with the same filter. The page of a run needs them.",
        "read POST graphql",
    ),
    *_group(
        "Files of runs, models and traces. The path is confined to `workspaces/NAME/` by MLflow, and by our guard whatever location the database "
        "names.",
        """
        read GET get-artifact
        read GET model-versions/get-artifact
        read GET ajax-api/2.0/mlflow/logged-models/{}/artifacts/files
        read GET ajax-api/2.0/mlflow/get-trace-artifact
        read GET ajax-api/3.0/mlflow/get-trace-artifact
        """,
        artifact=True,
    ),
    *_group(
        "The same files by path.",
        """
        read GET API/mlflow-artifacts/artifacts/{path}
        write PUT API/mlflow-artifacts/artifacts/{path}
        """,
        streams=True,
        artifact=True,
    ),
    *_group(
        "The same files by path.",
        """
        read GET API/mlflow-artifacts/artifacts
        write DELETE API/mlflow-artifacts/artifacts/{path}
        write POST ajax-api/2.0/mlflow/upload-artifact
        """,
    ),
    *_group(
        "Traces are found through their experiment. Their identifiers come from the client: one that another workspace has taken is refused.",
        """
        read GET API/mlflow/traces
        read GET API/mlflow/traces/{}/info
        read GET API3/mlflow/traces/{}
        read GET API3/mlflow/traces/get
        read GET API3/mlflow/traces/batchGet
        read POST API3/mlflow/traces/batchGetInfos
        read POST API3/mlflow/traces/search
        read POST API3/mlflow/traces/calculate-filter-correlation
        read POST API3/mlflow/traces/metrics
        read GET API3/mlflow/traces/{}/assessments/{}
        write POST API/mlflow/traces
        write PATCH API/mlflow/traces/{}
        write PATCH,DELETE API/mlflow/traces/{}/tags
        write POST API/mlflow/traces/link-to-run
        write POST API/mlflow/traces/link-prompts
        write POST API/mlflow/traces/delete-traces
        write POST API3/mlflow/traces
        write PATCH,DELETE API3/mlflow/traces/{}/tags
        write POST API3/mlflow/traces/delete-traces
        write POST API3/mlflow/traces/{}/assessments
        write PATCH,DELETE API3/mlflow/traces/{}/assessments/{}
        write POST v1/traces
        """,
    ),
    *_group(
        "Logged models are found through their experiment; their location is the server's choice.",
        """
        read GET API/mlflow/logged-models/{}
        read POST API/mlflow/logged-models/search
        read GET API/mlflow/logged-models/{}/artifacts/directories
        write POST API/mlflow/logged-models
        write PATCH,DELETE API/mlflow/logged-models/{}
        write PATCH API/mlflow/logged-models/{}/tags
        write DELETE API/mlflow/logged-models/{}/tags/{}
        write POST API/mlflow/logged-models/{}/params
        """,
    ),
    *_group(
        "The model registry is keyed by workspace and name. Where a version says its files are, our guard looks before MLflow does.",
        """
        read GET API/mlflow/registered-models/get
        read GET API/mlflow/registered-models/search
        read GET,POST API/mlflow/registered-models/get-latest-versions
        read GET API/mlflow/registered-models/alias
        read GET API/mlflow/model-versions/get
        read GET API/mlflow/model-versions/search
        read GET API/mlflow/model-versions/get-download-uri
        write POST API/mlflow/registered-models/create
        write POST API/mlflow/registered-models/rename
        write PATCH API/mlflow/registered-models/update
        write DELETE API/mlflow/registered-models/delete
        write POST API/mlflow/registered-models/set-tag
        write DELETE API/mlflow/registered-models/delete-tag
        write POST,DELETE API/mlflow/registered-models/alias
        write POST API/mlflow/model-versions/create
        write PATCH API/mlflow/model-versions/update
        write POST API/mlflow/model-versions/transition-stage
        write DELETE API/mlflow/model-versions/delete
        write POST API/mlflow/model-versions/set-tag
        write DELETE API/mlflow/model-versions/delete-tag
        """,
    ),
    *_group(
        "Evaluation data sets carry their workspace; the experiments they are tied to are filtered.",
        """
        read GET API3/mlflow/datasets/{}
        read GET,POST API3/mlflow/datasets/search
        read GET API3/mlflow/datasets/{}/experiment-ids
        read GET API3/mlflow/datasets/{}/records
        write POST API3/mlflow/datasets/create
        write DELETE API3/mlflow/datasets/{}
        write PATCH API3/mlflow/datasets/{}/tags
        write DELETE API3/mlflow/datasets/{}/tags/{}
        write POST,DELETE API3/mlflow/datasets/{}/records
        write POST API3/mlflow/datasets/{}/add-experiments
        write POST API3/mlflow/datasets/{}/remove-experiments
        """,
    ),
    *_group(
        "Scorers as text, found through their experiment. Nothing here runs one: that is `scorer/invoke` and the jobs, which are refused.",
        """
        read GET API3/mlflow/scorers/list
        read GET API3/mlflow/scorers/versions
        read GET API3/mlflow/scorers/get
        write POST API3/mlflow/scorers/register
        write DELETE API3/mlflow/scorers/delete
        """,
    ),
    *_group(
        "Answered with nothing: no deployment server is configured. The pages ask.",
        "read GET ajax-api/2.0/mlflow/gateway-proxy",
    ),
)

DENIED: tuple[Rule, ...] = (
    *_group(
        "Workspaces are the service's to give. The gateway itself answers who asks for the list or for one of their own.",
        """
        deny * API3/mlflow/workspaces
        deny * API3/mlflow/workspaces/{}
        """,
    ),
    *_group(
        "The server would call an address that a client chose.",
        """
        deny * API/mlflow/webhooks
        deny * API/mlflow/webhooks/{path}
        deny POST ajax-api/2.0/mlflow/gateway-proxy
        """,
    ),
    *_group(
        "The gateway to language models: keys of providers, calls to addresses of a client's choice, budgets over all workspaces.",
        """
        deny * gateway/{path}
        deny * API3/mlflow/gateway/{path}
        """,
    ),
    *_group(
        "Runs something on the server: jobs, scorers, evaluations, the assistant's shell, demonstration data.",
        """
        deny * ajax-api/3.0/jobs
        deny * ajax-api/3.0/jobs/
        deny * ajax-api/3.0/jobs/{path}
        deny * ajax-api/3.0/mlflow/jobs/{path}
        deny * ajax-api/3.0/mlflow/assistant/{path}
        deny * ajax-api/3.0/mlflow/scorer/invoke
        deny * ajax-api/3.0/mlflow/issues/invoke
        deny * ajax-api/3.0/mlflow/genai/evaluate/invoke
        deny * ajax-api/3.0/mlflow/demo/{path}
        deny * API3/mlflow/prompt-optimization/{path}
        deny * API3/mlflow/scorers/online-config
        deny * API3/mlflow/scorers/online-configs
        deny POST ajax-api/2.0/mlflow/runs/create-promptlab-run
        """,
    ),
    *_group(
        # Clients look for this sentence, or for the status, and then send the file in one piece.
        "Multipart upload is not supported for the current artifact repository. Files go through this server in one piece.",
        """
        deny * API/mlflow/artifacts/presigned-upload-url
        deny * API/mlflow/artifacts/presigned-download-url
        deny * API/mlflow-artifacts/presigned/{path}
        deny * API/mlflow-artifacts/mpu/{path}
        """,
        refusal=501,
    ),
    *_group(
        "Not offered: reviews by several people and a registry of tool servers are for teams that share a workspace.",
        """
        deny * API3/mlflow/review-queues/{path}
        deny * API3/mlflow/label-schemas/{path}
        deny * API3/mlflow/issues
        deny * API3/mlflow/issues/{path}
        deny * API3/mlflow/mcp-servers
        deny * API3/mlflow/mcp-servers/{path}
        """,
    ),
    *_group(
        "Answered 404 by MLflow itself.",
        """
        deny * api/2.0mlflow/experiments/search-datasets
        deny * ajax-api/2.0mlflow/experiments/search-datasets
        deny * API/mlflow/unified-traces
        deny * API/mlflow/get-online-trace-details
        """,
    ),
    *_group("Scripts of the pages under a second path.", "deny * build/{path}"),
    *_group("Queries come by POST.", "deny GET graphql"),
)


def _pattern(template: str) -> re.Pattern[str]:
    parts = re.split(r"(\{path\}|\{\})", template)
    translated = {"{path}": ".+", "{}": "[^/]+"}
    return re.compile("".join(translated.get(part, re.escape(part)) for part in parts), re.DOTALL)


class RouteTable:
    """Finds the rule of a request: the most particular one that matches, so that a refused route is not reached through a wider one."""

    def __init__(self, rules: Iterable[Rule] = (*ALLOWED, *DENIED)) -> None:
        self._exact: dict[tuple[str, str], Rule] = {}
        patterns: list[tuple[tuple[int, int], re.Pattern[str], Rule]] = []
        for rule in rules:
            if "{" in rule.template:
                rank = (rule.template.count("{path}"), rule.template.count("{}"))
                patterns.append((rank, _pattern(rule.template), rule))
            else:
                self._exact[rule.method, rule.template] = rule
        self._patterns = [(pattern, rule) for _, pattern, rule in sorted(patterns, key=lambda entry: entry[0])]

    def find(self, method: str, path: str) -> Rule | None:
        """Return the rule for `path`, which is relative to the static prefix and decoded; None where there is none."""
        method = "GET" if method == "HEAD" else method
        found = self._exact.get((method, path)) or self._exact.get(("*", path))
        if found is not None:
            return found
        return next((rule for pattern, rule in self._patterns if rule.method in (method, "*") and pattern.fullmatch(path)), None)
