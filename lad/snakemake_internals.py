"""Undocumented parts of Snakemake that the workflow uses.

A new version of Snakemake may change any of them; they were checked with `CHECKED_WITH`.
"""

import argparse
import contextlib
import io
import json
import logging
import os
import re
import sys
import textwrap
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from snakemake.cli import args_to_api, get_argument_parser, parse_args, parse_config
from snakemake.exceptions import print_exception
from snakemake.io import is_flagged, strip_wildcard_constraints
from snakemake.jobs import AbstractJob
from snakemake.logging import DefaultFormatter, LoggerManager
from snakemake.settings.enums import Quietness
from snakemake.workflow import Workflow

from lad.errors import InputError
from lad.failures import Job
from lad.progress import usual_time
from lad.settings import nearest

__all__ = ["args_to_api", "parse_config", "print_exception"]  # for `lad.launch`

CHECKED_WITH = "9.27"
QUIET = {Quietness.HOST, Quietness.REASON}  # not printed: the machine, and why each job runs

# Beginnings of Snakemake's messages as it gets ready, and as it repeats that a step failed.
READY = "Reasons:|Using |Config file |Assuming |Building DAG|Select jobs|Execute |Provided |Rules claiming"
REPEATED = "RuleException:\nCalledProcessError|Exiting because a job|WorkflowError:\nAt least one job"


# Beginnings of reasons that only mean that a step was never run, or that it follows from another.
EXPECTED = ("Missing output files", "Input files updated by another job", "Rules with a run or shell")


# Beginnings of errors of Python that Snakemake passes on where an option lacks a part of its value.
VAGUE = ("not enough values", "dictionary update")


def parsed(argv: Sequence[str]) -> tuple[argparse.ArgumentParser, argparse.Namespace]:
    """Snakemake's parser and the parsed command line, without its message on the profile that it found.

    Raises InputError for an unknown option, and if the value of an option cannot be parsed.
    """
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            return parse_args(argv)
    except SystemExit as ending:  # after a page of usage, or of help
        _usage, is_error, error = said.getvalue().rpartition(" error: ")
        if not (ending.code and is_error):
            raise
        error = error.strip()
        said = io.StringIO()
        unknown, _, wrong = error.partition("unrecognized arguments: ")
        options = [option for action in get_argument_parser()._actions for option in action.option_strings]
        close = "" if unknown else nearest(wrong.split()[0], options)
        raise InputError(f"{error}{close}; common options: ./run --help") from None
    except ValueError as error:
        expected = "of an option or a profile: expected NAME=VALUE, of --set-resources RULE:RESOURCE=VALUE"
        text = " ".join(str(error).split())
        raise InputError(f"value {expected}" if text.startswith(VAGUE) else text) from None
    finally:
        lines = said.getvalue().splitlines(keepends=True)
        sys.stderr.writelines(
            line for line in lines if not line.startswith("Using workflow specific profile")
        )


class Brief(DefaultFormatter):
    """A line when a step begins, ends or fails; the log below `.snakemake/log` has more."""

    planning = False  # whether the run only shows its plan
    cores = 1
    steps_printed = False  # whether the numbers of steps were printed

    def __init__(self, *options: Any):
        super().__init__(*options)
        self.begun: dict[int, str] = {}  # steps by the number of their job
        self.ended: list[str] = []  # steps since the last report of progress

    def format(self, record: logging.LogRecord) -> str:
        """As Snakemake does, without messages on getting ready and repetitions."""
        needless = READY if record.levelno <= logging.INFO else REPEATED
        return "" if re.match(needless, str(record.msg)) else super().format(record)

    def format_run_info(self, msg: dict[str, Any]) -> str:
        """What will be done, in a few lines: steps, time, number of each; only once, although a plan repeats it."""
        if self.steps_printed:
            return ""
        self.steps_printed = True
        steps = {step: number for step, number in msg["stats"].items() if step != "total"}
        names = (step if number == 1 else f"{number} {step}" for step, number in steps.items())
        total = sum(steps.values())
        head = f"{total} step{'s' * (total > 1)}, {usual_time(steps, self.cores)}"
        return textwrap.fill(f"{head}: {', '.join(names)}", 100, break_on_hyphens=False)

    def format_job_info(self, msg: dict[str, Any]) -> str:
        """A step begins; in a plan, the step and why an earlier result does not suffice."""
        step = msg["rule_msg"] or msg["rule_name"]
        if not self.planning:
            self.begun[msg["jobid"]] = step
            return _now(step)
        reasons = [part.strip() for part in str(msg["reason"]).split("; ") if not part.startswith(EXPECTED)]
        # Without the settings before and after, which fill a page, and without a list that is empty.
        reasons = [re.sub("(?s)(Params have changed[^:]*):.*", r"\1", part) for part in reasons]
        reasons = [part for part in reasons if part and not part.endswith(":")]
        return f"{step} ({'; '.join(reasons)})" if reasons else step

    def format_job_finished(self, msg: dict[str, Any]) -> str:
        """Nothing: the progress that follows says which."""
        self.ended.append(self.begun.get(msg["job_id"], ""))
        return ""

    def format_progress(self, msg: dict[str, Any]) -> str:
        """Steps have ended."""
        ended, self.ended = "; ".join(filter(None, self.ended)), []
        return _now(f"{msg['done']} of {msg['total']} steps done{f': {ended}' if ended else ''}")

    def format_job_error(self, msg: dict[str, Any]) -> str:
        """A step has failed; it said why itself."""
        return _now(f"{msg['rule_name']} failed, see {', '.join(msg['log'])}")


def _now(text: str) -> str:
    return f"{time.strftime('%H:%M:%S')}  {text}"


def be_brief(cores: int) -> None:
    """Make the runs of this process, whose steps run on `cores` of this machine, print as `Brief` does."""

    def handler(manager: LoggerManager) -> logging.Handler:
        made = usual(manager)
        brief = Brief(manager.settings.quiet, manager.settings.show_failed_logs)
        brief.planning, brief.cores = manager.settings.dryrun, cores
        made.setFormatter(brief)
        return made

    usual, LoggerManager._default_streamhandler = LoggerManager._default_streamhandler, handler


def settings_sources(workflow: Workflow) -> dict[str, str]:
    """Text of each file and option that the settings were merged from, in this order."""
    here, files = Path.cwd(), [*workflow.overwrite_configfiles]
    if Path("config.yaml").exists():  # optional if others are given
        files.insert(0, here / "config.yaml")
    texts = {
        str(file.relative_to(here) if file.is_relative_to(here) else file): file.read_text(encoding="utf-8")
        for file in files
    }
    return texts | {"--config": json.dumps(dict(workflow.config_settings.config), default=str)}


def is_cluster_job(workflow: Workflow) -> bool:
    """Whether a run on another node started this process for a part of its work."""
    return workflow.remote_exec


def is_dry_run(workflow: Workflow) -> bool:
    """Whether this run only shows its plan."""
    return workflow.dryrun


def sends_jobs(workflow: Workflow) -> bool:
    """Whether the jobs of this run are sent to other nodes."""
    return not workflow.local_exec


def main_snakefile(workflow: Workflow) -> str:
    """Path of the file that includes all others."""
    return workflow.main_snakefile


def steps_of(workflow: Workflow, wildcard: str) -> list[str]:
    """Names of the rules whose output has this wildcard."""
    return [rule.name for rule in workflow.rules if wildcard in rule.wildcard_names]


def marked_outputs(workflow: Workflow) -> Iterator[tuple[str, str]]:
    """Rule and pattern of each output that is marked with `report()`."""
    for rule in workflow.rules:
        for file in rule.output:
            if is_flagged(file, "report"):
                yield rule.name, strip_wildcard_constraints(file)


def was_stopped(workflow: Workflow) -> bool:
    """Whether the run was stopped from outside, so that unfinished jobs did not fail."""
    scheduler = workflow.scheduler
    return bool(scheduler._user_kill or scheduler.running or scheduler.open_jobs)


def unfinished_jobs(workflow: Workflow) -> list[Job]:
    """Jobs that were needed and are not finished."""
    return [_as_job(job) for job in workflow.dag.needrun_jobs()]


def failed_jobs(workflow: Workflow) -> list[Job]:
    """Jobs that failed; of the steps in one cluster job, the last that wrote to its log."""
    failed = workflow.scheduler.failed
    return [_as_job(max(job.jobs, key=_last_word) if job.is_group() else job) for job in failed]


def keep_unmade(workflow: Workflow) -> None:
    """Make the next run redo all that follows from a failed job, even if results of an earlier run exist.

    Snakemake records the settings and inputs of a failed job too, and removes its files: what an earlier run made from
    them would look up to date.
    """
    failed = [job for part in workflow.scheduler.failed for job in (part.jobs if part.is_group() else [part])]
    for job in workflow.dag.bfs(workflow.dag.depending, *failed):
        workflow.persistence.started(job)


def _as_job(job: AbstractJob) -> Job:
    return Job(job.rule.name, dict(job.wildcards_dict), list(job.output), list(job.log))


def _last_word(job: AbstractJob) -> float:
    """When a job last wrote to its log (s), 0 if never: jobs that did not begin have empty logs."""
    logs = [log for log in job.log if os.path.exists(log) and os.path.getsize(log)]
    return max(map(os.path.getmtime, logs), default=0)
