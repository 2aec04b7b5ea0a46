import subprocess
import tempfile

from lad.failures import failures, tables_left


def make_tables_of_the_rest(run_logs):
    """After a failure, make the tables of the studies from the sites that finished.

    Snakemake makes them itself, with settings in which the studies lack the other sites: so it knows what the tables
    were made from, remakes them as soon as there is more, and treats them as unfinished if it is interrupted.
    Only rules of studies are allowed: nothing of a site is made here, all of it was up to date in the previous run. A
    multi-site network is not trained on the sites that are left.
    """
    if snakemake_internals.was_stopped(workflow):
        return
    unfinished = snakemake_internals.unfinished_jobs(workflow)
    # What ends a job from outside, as a cluster's limits do, is only in the log of the run.
    logs = [os.path.relpath(log) for log in run_logs] if snakemake_internals.sends_jobs(workflow) else []
    found = failures(plan, unfinished, snakemake_internals.failed_jobs(workflow), logs)
    targets, allowed = tables_left(plan, unfinished, found, snakemake_internals.steps_of(workflow, "study"))
    if not (found and targets):
        return
    # Beside tables that lack a site, scores of earlier networks would be taken for theirs; they are soon remade.
    for job in unfinished:
        if job.rule in ("evaluate_multi_site", "fine_tuning"):
            for file in job.output:
                Path(file).unlink(missing_ok=True)
    # `all` keeps the towers of this run: there may be new archives by now.
    studies = given["studies"] | {study: sites for study, sites in config["studies"].items() if sites}
    with tempfile.NamedTemporaryFile(
        "w", prefix=".", suffix=".json", dir="."
    ) as file:  # which its paths start from
        json.dump(given | {"studies": studies, "failed": found}, file, default=str)  # dates as text
        file.flush()
        command = [sys.executable, "-m", "snakemake", "--nolock", "--cores", "1", "--configfile", file.name]
        command += ["--snakefile", snakemake_internals.main_snakefile(workflow)]
        command += ["--quiet", "host", "reason", "progress"]
        subprocess.run([*command, "--allowed-rules", *allowed, "--", *targets])
