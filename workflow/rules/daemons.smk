use rule train as train_through with:
    input:
        forcing=rules.forcing.output.forcing,
        observations=rules.forcing.output.observations,
        periods=proposed_periods,
        parameters=rules.calibrate.output.parameters,
        law=lambda wildcards: plan.law_module(config["daemons"]["model"]),
        code=code("train"),
    output:
        models=expand("results/{{site}}/daemons/{{integrator}}/seed{seed}.eqx", seed=range(config["seeds"])),
        history="results/{site}/daemons/{integrator}/history.csv",
    log:
        "logs/{site}/daemons/{integrator}.log",
    benchmark:
        "logs/{site}/daemons/{integrator}.tsv"
    wildcard_constraints:
        integrator=r"[a-z]+(-\d+)?",
    params:
        radiation=config["simulation"]["radiation"],
        model=lambda wildcards: json.dumps(plan.model_settings(config["daemons"]["model"])),
        periods=period_options("train", "validation"),
        settings=lambda wildcards: json.dumps(
            plan.training_settings(config["daemons"]["model"]) | {"integrator": None}
        ),
        seeds=config["seeds"],
        folder=lambda wildcards, output: Path(output.history).parent,
        integrator="{integrator}",
    message:
        "{wildcards.site}: train through {wildcards.integrator}"


rule daemons:
    """Run networks that were trained through several solvers with each of these solvers."""
    input:
        forcing=rules.forcing.output.forcing,
        observations=rules.forcing.output.observations,
        radiation=prescribed_radiation,
        periods=proposed_periods,
        models=lambda wildcards: plan.trained_through(wildcards.site).values(),
        code=code("daemons"),
    output:
        gains=report(
            "results/{site}/daemons/gains.csv",
            caption="../report/daemons.rst",
            category="Solvers",
            labels={"site": "{site}", "file": "gains, crossed"},
        ),
        scores=report(
            "results/{site}/daemons/cross.csv",
            caption="../report/daemons.rst",
            category="Solvers",
            labels={"site": "{site}", "file": "scores, crossed"},
        ),
        text="results/{site}/daemons/cross.md",
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
    resources:
        mem_mb=growing(4000),
        runtime=growing(30),
    params:
        spinup_passes=config["simulation"]["spinup_passes"],
        radiation=radiation_option,
        periods=period_options(*NAMES),
        models=lambda wildcards: labelled(plan.trained_through(wildcards.site)),
    message:
        "{wildcards.site}: run networks trained through several solvers with each"
    shell:
        "NPROC={threads} lad daemons --site {wildcards.site} --forcing {input.forcing}"
        " --observations {input.observations} {params.periods} {params.radiation} --model {params.models}"
        " --spinup-passes {params.spinup_passes} --output-directory results/{wildcards.site}/daemons 2>&1 | tee {log}"


rule landscape:
    """Loss and gradient along LaD's parameters, as each solver sees them."""
    input:
        forcing=rules.forcing.output.forcing,
        observations=rules.forcing.output.observations,
        radiation=prescribed_radiation,
        periods=proposed_periods,
        parameters=rules.calibrate.output.parameters,
        code=code("landscape"),
    output:
        table="results/{site}/landscape/landscape.csv",
        summary=report(
            "results/{site}/landscape/summary.csv",
            caption="../report/landscape.rst",
            category="Solvers",
            labels={"site": "{site}", "file": "landscape"},
        ),
        text="results/{site}/landscape/landscape.md",
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
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        periods=period_options("train", "validation"),
        radiation=radiation_option,
        loss=config["calibration"]["loss"],
        along=config["landscape"]["along"],
    message:
        "{wildcards.site}: the loss along parameters, by solver"
    shell:
        "NPROC={threads} lad landscape --site {wildcards.site} --forcing {input.forcing}"
        " --observations {input.observations} --parameters {input.parameters} {params.periods}"
        " {params.radiation} --loss {params.loss}"
        " --along {params.along} --output-directory results/{wildcards.site}/landscape 2>&1 | tee {log}"
