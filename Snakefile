# The study: one target rule for each study of config.yaml; the rules by stage are in workflow/rules.

from snakemake.utils import min_version

from lad.evaluation.models import too_many
from lad.io import remove_parts

min_version("9.27")


configfile: "config.yaml"


report: "workflow/report/study.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/calibration.smk"
include: "workflow/rules/training.smk"
include: "workflow/rules/baselines.smk"
include: "workflow/rules/evaluation.smk"
include: "workflow/rules/multi_site.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/solvers.smk"
include: "workflow/rules/daemons.smk"
include: "workflow/rules/years.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/unfinished.smk"


def made(sites):
    """A file of each step that the tables are made from: a study remakes those that are gone."""
    of_sites = [rules.fetch.output.source, rules.gapfill.output.tower, rules.forcing.output.forcing]
    of_sites += [rules.calibrate.output.parameters, rules.evaluate.output.scores]
    files = expand(of_sites, site=sites)
    for site in sites:
        files += [*plan.trained_models(site).values(), *plan.scored(site).values()]
        files += plan.trained_through(site).values() if plan.having("daemons", [site]) else []
    return files


# A rule with a command and no output runs each time it is asked for: so each call prints the table.
for study, members in plan.members.items():

    rule:
        name:
            study
        default_target: study == "demo"
        input:
            table=f"results/{study}/table.md",
            made=made(members),
            scores=f"results/{study}/scores.csv",
            citations=f"results/{study}/CITATIONS.txt",
            periods=expand(rules.periods.output.table, site=members),
            curves=expand(rules.curves.output, study=study),
            transfer=expand(rules.transfer.output, study=study),
            overview=expand(rules.overview.output, study=study),
            multi_site=expand(
                rules.evaluate_multi_site.output,
                study=[study] if plan.shows("evaluate_multi_site", study) else [],
            ),
            networks=plan.networks(study).values() if plan.trains_network(study) else [],
            fine_tuned=expand(
                rules.fine_tuning.output, study=[study] if plan.shows("fine_tuning", study) else []
            ),
            towers=expand(rules.towers.output, study=[study] if plan.shows("towers", study) else []),
            report=f"results/{study}/report.html",
            conclusions=f"results/{study}/conclusions.md",
            figures=expand(rules.figures.output, site=plan.having("figures", members)),
            response=expand(rules.response.output, site=plan.having("response", members)),
            sanity=expand(rules.sanity.output, site=plan.having("sanity", members)),
            solvers=expand(rules.solvers.output, site=plan.having("solvers", members)),
            daemons=expand(rules.daemons.output, site=plan.having("daemons", members)),
            landscape=expand(rules.landscape.output, site=plan.having("landscape", members)),
        log:
            f"logs/{study}/table.log",
        localrule: True
        params:
            figures=expand("results/{site}/figures/", site=members),
            # A site touches nothing outside its own folder; the page of many sites has links to theirs.
            copies="" if study in config["sites"] or too_many(members) else "results/report.html",
        message:
            f"{study}: the table"
        shell:
            "{{ cat {input.table}; echo; sed '\\,^$,q' {input.conclusions};"
            " echo Conclusions, one by one: {input.conclusions};"
            " echo Table: {input.table}, all scores: {input.scores}, data to cite: {input.citations};"
            " echo Figures: {params.figures};"
            " echo Report: {input.report};"
            " for copy in {params.copies}; do cp {input.report} $copy.part; mv $copy.part $copy; echo Copied to $copy;"
            " done; }} | tee {log}"


onstart:
    try:
        if failed:
            lock.join_run(started_by)
        elif lock.begin_run():
            remove_parts("results")
    except (InputError, OSError) as error:
        sys.exit(f"run: error: {error}")
    services = [config["fetch"][name] for name in ("ameriflux", "plumber2")]
    if missing_archives and not any(map(reachable, services)):
        sys.exit(missing_text())


onerror:
    snakemake_internals.keep_unmade(workflow)
    make_tables_of_the_rest(log)
