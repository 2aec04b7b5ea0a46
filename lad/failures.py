"""What is missing after a run with failed steps, and the tables that can still be made."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from lad.plan import NETWORK_STEPS, Plan


class Job(NamedTuple):
    """One execution of a rule, as far as the plan needs it; `wildcards` by name."""

    rule: str
    wildcards: Mapping[str, str]
    output: Sequence[str] = ()
    log: Sequence[str] = ()

    @property
    def place(self) -> str | None:
        """The site or study that lacks something without this job; None for jobs that make tables."""
        return self.wildcards.get("study" if self.rule in NETWORK_STEPS else "site")


def failures(
    plan: Plan, unfinished: Iterable[Job], failed: Iterable[Job], run_logs: Sequence[str] = ()
) -> dict[str, dict[str, Any]]:
    """By site or study: `steps` without result, and `why`: the step that failed and its log.

    `run_logs` are those of the run: they record what ended a job from outside, such as a cluster's limits.
    """
    found: dict[str, dict[str, Any]] = {}
    for job in unfinished:
        if job.place:
            found.setdefault(job.place, {"steps": [], "why": ""})["steps"].append(job.rule)
    for job in failed:
        if job.place:
            place = found[job.place]
            why = f"{job.rule} failed, see {' and '.join([*job.log, *run_logs])}"
            place["why"] = "; ".join(filter(None, [place["why"], why]))
    for name, place in found.items():
        what = "was not finished" if name in plan.settings["sites"] else "no multi-site network"
        place["why"] = place["why"] or what
    return found


def tables_left(
    plan: Plan,
    unfinished: Iterable[Job],
    failed: Mapping[str, Mapping[str, Any]],
    study_steps: Collection[str],
) -> tuple[list[str], list[str]]:
    """Targets and rules of the tables that can be made although something `failed`: of studies with a complete site.

    `study_steps` are the rules that make something for a study; no network is trained on the remaining sites.
    """
    left = Plan(plan.settings, plan.tables, failed)
    targets, rules = [], [step for step in study_steps if step not in NETWORK_STEPS]
    for job in unfinished:
        study = job.wildcards.get("study", job.rule)
        if (job.rule in rules or job.rule in plan.studies) and left.members.get(study):
            targets += job.output or [job.rule]
            rules.append(job.rule)
    return targets, rules
