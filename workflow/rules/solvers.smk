rule solvers:
    """Compare the solvers: error against time, with the calibrated LaD."""
    input:
        forcing=rules.forcing.output.forcing,
        parameters=rules.calibrate.output.parameters,
        code=code("solvers"),
    output:
        table=report(
            "results/{site}/solvers/work_precision.csv",
            caption="../report/solvers.rst",
            category="Solvers",
            labels={"site": "{site}", "file": "table"},
        ),
        figure=report(
            "results/{site}/solvers/work_precision.png",
            caption="../report/solvers.rst",
            category="Solvers",
            labels={"site": "{site}", "file": "figure"},
        ),
        vector="results/{site}/solvers/work_precision.pdf",
    log:
        "logs/{site}/solvers.log",
    benchmark:
        "logs/{site}/solvers.tsv"
    threads: 2
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        days=config["solvers"]["days"],
    message:
        "{wildcards.site}: compare the solvers"
    shell:
        "NPROC={threads} lad solvers --site {wildcards.site} --forcing {input.forcing}"
        " --parameters {input.parameters} --days {params.days}"
        " --table {output.table} --figure {output.figure} 2>&1 | tee {log}"
