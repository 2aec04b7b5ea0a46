rule daemons:
    """Train one model through each of several solvers, and run each training with each."""
    input:
        forcing=rules.forcing.output.forcing,
        observations=rules.forcing.output.observations,
        periods=proposed_periods,
        parameters=rules.calibrate.output.parameters,
        code=code("daemons"),
    output:
        models=expand(
            "results/{{site}}/daemons/{integrator}/seed{seed}.eqx",
            integrator=config["daemons"]["integrators"],
            seed=range(config["daemons"]["seeds"]),
        ),
        record="results/{site}/daemons/cross.json",
        gains="results/{site}/daemons/gains.csv",
        scores=report(
            "results/{site}/daemons/cross.csv",
            caption="../report/daemons.rst",
            category="Solvers",
            labels={"site": "{site}", "file": "scores, crossed"},
        ),
        text=report(
            "results/{site}/daemons/cross.md",
            caption="../report/daemons.rst",
            category="Solvers",
            labels={"site": "{site}", "file": "gains, crossed"},
        ),
        figure=report(
            "results/{site}/daemons/cross.png",
            caption="../report/daemons.rst",
            category="Solvers",
            labels={"site": "{site}", "file": "figure, crossed"},
        ),
        vector="results/{site}/daemons/cross.pdf",
    log:
        "logs/{site}/daemons.log",
    benchmark:
        "logs/{site}/daemons.tsv"
    conda:
        "../../envs/lad.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 240 * attempt,
    params:
        steps_per_interval=config["simulation"]["steps_per_interval"],
        spinup_passes=config["simulation"]["spinup_passes"],
        radiation=config["simulation"]["radiation"],
        periods=period_options("train", "validation", "test"),
        model=json.dumps(model_settings(config["daemons"]["model"])),
        settings=json.dumps(training_settings(config["daemons"]["model"])),
        integrators=config["daemons"]["integrators"],
        seeds=config["daemons"]["seeds"],
    message:
        "{wildcards.site}: train through several solvers, run with each"
    shell:
        "NPROC={threads} lad daemons --site {wildcards.site} --forcing {input.forcing}"
        " --observations {input.observations} --parameters {input.parameters} {params.periods}"
        " --model-settings {params.model:q} --settings {params.settings:q}"
        " --radiation {params.radiation} --steps-per-interval {params.steps_per_interval}"
        " --integrators {params.integrators} --seeds {params.seeds} --spinup-passes {params.spinup_passes}"
        " --output-directory results/{wildcards.site}/daemons 2>&1 | tee {log}"


rule landscape:
    """Loss and gradient along LaD's parameters, as each solver sees them."""
    input:
        forcing=rules.forcing.output.forcing,
        observations=rules.forcing.output.observations,
        periods=proposed_periods,
        parameters=rules.calibrate.output.parameters,
        code=code("landscape"),
    output:
        table="results/{site}/landscape/landscape.csv",
        text=report(
            "results/{site}/landscape/landscape.md",
            caption="../report/landscape.rst",
            category="Solvers",
            labels={"site": "{site}", "file": "landscape"},
        ),
        figure=report(
            "results/{site}/landscape/landscape.png",
            caption="../report/landscape.rst",
            category="Solvers",
            labels={"site": "{site}", "file": "figure, landscape"},
        ),
        vector="results/{site}/landscape/landscape.pdf",
    log:
        "logs/{site}/landscape.log",
    benchmark:
        "logs/{site}/landscape.tsv"
    conda:
        "../../envs/lad.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        periods=period_options("train", "validation"),
        along=config["landscape"]["along"],
    message:
        "{wildcards.site}: the loss along parameters, by solver"
    shell:
        "NPROC={threads} lad landscape --site {wildcards.site} --forcing {input.forcing}"
        " --observations {input.observations} --parameters {input.parameters} {params.periods}"
        " --along {params.along} --output-directory results/{wildcards.site}/landscape 2>&1 | tee {log}"
