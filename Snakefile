# The study: one target rule for each study of config.yaml; the rules by stage are in workflow/rules.

from snakemake.utils import min_version

min_version("9.27")


configfile: "config.yaml"


report: "workflow/report/study.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/calibration.smk"
include: "workflow/rules/training.smk"
include: "workflow/rules/evaluation.smk"
include: "workflow/rules/figures.smk"


for study, members in config["studies"].items():

    rule:
        name:
            study
        default_target: study == "demo"
        input:
            f"results/{study}/table.md",
            expand(rules.figures.output, site=members),
        localrule: True


onstart:
    if missing_archives and not reachable(BASE_URL):
        sys.exit("\n".join(sorted(missing_archives.values())))


onsuccess:
    for study in studies_made(workflow):
        print(Path(f"results/{study}/table.md").read_text(encoding="utf-8"))
        print(f"Table: results/{study}/table.md, all scores: results/{study}/scores.csv")
        print(f"Figures: {', '.join(f'results/{site}/figures/' for site in config['studies'][study])}")
