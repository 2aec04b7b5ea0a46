import subprocess
import tempfile

OF_MANY = ("train_many", "place", "joint")  # a study's network for many towers, which its tables can lack


def place_of(job):
    """The study of a job of `OF_MANY`, the site of another; None for what makes tables."""
    return job.wildcards_dict.get("study" if job.rule.name in OF_MANY else "site")


def failures(jobs, run_logs):
    """By site or study: steps without result among the unfinished `jobs`, and why, which step failed and its log.

    What ends a job from outside, as a cluster's limits do, is told in the log of the run alone.
    """
    found = {}
    for job in filter(place_of, jobs):
        found.setdefault(place_of(job), {"steps": [], "why": ""})["steps"].append(job.rule.name)
    for job in workflow.scheduler.failed:
        # Of the steps of one cluster job, the last one to say something.
        step = max(job.jobs, key=last_word) if job.is_group() else job
        if place_of(step):
            place = found[place_of(step)]
            logs = list(step.log) if workflow.local_exec else [*step.log, *map(os.path.relpath, run_logs)]
            why = f"{step.rule.name} failed, see {' and '.join(logs)}"
            place["why"] = "; ".join(filter(None, [place["why"], why]))
    for name, place in found.items():
        what = "was not finished" if name in settings["sites"] else "no network for many towers"
        place["why"] = place["why"] or what
    return found


def keep_unmade():
    """Have all that follows from a failed job made by the next run, whatever an earlier one left of it.

    Snakemake records also a failed job with the settings and inputs that it had, and removes its files: what an earlier
    run made from them would look up to date.
    """
    failed = [job for part in workflow.scheduler.failed for job in (part.jobs if part.is_group() else [part])]
    for job in workflow.dag.bfs(workflow.dag.depending, *failed):
        workflow.persistence.started(job)


def last_word(job):
    """When a job last wrote to its log (s), 0 if never: Snakemake makes empty ones for those that did not begin."""
    return max(
        (os.path.getmtime(log) for log in job.log if os.path.exists(log) and os.path.getsize(log)), default=0
    )


def make_tables_of_the_rest(run_logs):
    """After a failure, make the tables of the studies from the sites that finished.

    Snakemake does it itself, with settings in which the studies lack the others: so it knows what the tables were made
    of, makes them anew as soon as there is more, and what breaks this off leaves them as unfinished as any other file.
    Only rules of studies are allowed: nothing of a site is made here, all of it was up to date in the run before. One
    network for many towers is not trained on those that are left.
    """
    scheduler = workflow.scheduler
    if scheduler._user_kill or scheduler.running or scheduler.open_jobs:
        return  # stopped from outside: what is unfinished did not fail
    unfinished = list(workflow.dag.needrun_jobs())
    found = failures(unfinished, run_logs)
    rules_of_studies = [rule.name for rule in workflow.rules if "study" in rule.wildcard_names]
    rules_of_studies = [name for name in rules_of_studies if name not in OF_MANY]
    targets, tables = [], {*rules_of_studies, *studies}
    for job in unfinished:
        study = job.wildcards_dict.get("study", job.rule.name)
        if job.rule.name in tables and whole(studies.get(study, ()), found):
            targets += job.output or [job.rule.name]
            rules_of_studies.append(job.rule.name)
    if not (found and targets):
        return
    # Beside tables that lack a site, scores of earlier networks would pass for theirs; they are soon made again.
    for job in unfinished:
        if job.rule.name == "joint":
            for file in job.output:
                Path(file).unlink(missing_ok=True)
    # A study of all towers of a folder that has none keeps its own setting.
    filled = {study: sites for study, sites in settings["studies"].items() if sites}
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(settings | {"studies": filled, "failed": found}, file)
        file.flush()
        command = [sys.executable, "-m", "snakemake", "--snakefile", workflow.main_snakefile]
        command += ["--configfile", file.name, "--nolock", "--cores", "1"]
        command += ["--allowed-rules", *rules_of_studies, "--", *targets]
        subprocess.run(command)
