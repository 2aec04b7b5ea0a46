rule calibrate:
    """Calibrate LaD's own parameters: the physical baseline, and where the hybrid starts from."""
    input:
        forcing=rules.forcing.output.forcing,
        observations=rules.forcing.output.observations,
        periods=proposed_periods,
        code=code("calibrate"),
    output:
        parameters="results/{site}/calibrate/parameters.json",
        table=report(
            "results/{site}/calibrate/parameters.csv",
            caption="../report/calibrate.rst",
            category="Calibration",
            labels={"site": "{site}", "table": "parameters"},
        ),
        history="results/{site}/calibrate/history.csv",
    log:
        "logs/{site}/calibrate.log",
    benchmark:
        "logs/{site}/calibrate.tsv"
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        integrator=config["simulation"]["integrator"],
        radiation=config["simulation"]["radiation"],
        periods=period_options("train", "validation"),
        settings=json.dumps(config["calibration"]),
    message:
        "{wildcards.site}: calibrate LaD"
    shell:
        "NPROC={threads} lad calibrate --site {wildcards.site} --forcing {input.forcing} --observations {input.observations}"
        " {params.periods} --settings {params.settings:q}"
        " --radiation {params.radiation} --integrator {params.integrator} --seed 0"
        " --output {output.parameters} --table {output.table} --history {output.history} 2>&1 | tee {log}"
