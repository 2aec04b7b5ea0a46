rule train:
    """Train the networks of one model, all seeds at once, through the differential equations of LaD."""
    input:
        forcing=rules.forcing.output.forcing,
        observations=rules.forcing.output.observations,
        periods=proposed_periods,
        parameters=rules.calibrate.output.parameters,
        law=lambda wildcards: plan.law_module(wildcards.model),
        code=code("train"),
    output:
        models=expand("results/{{site}}/train/{{model}}/seed{seed}.eqx", seed=range(config["seeds"])),
        history="results/{site}/train/{model}/history.csv",
    log:
        "logs/{site}/train/{model}.log",
    benchmark:
        "logs/{site}/train/{model}.tsv"
    resources:
        mem_mb=growing(4000),
        runtime=growing(120),
    params:
        integrator=config["simulation"]["integrator"],
        radiation=config["simulation"]["radiation"],
        model=lambda wildcards: json.dumps(plan.model_settings(wildcards.model)),
        periods=period_options("train", "validation"),
        settings=lambda wildcards: json.dumps(plan.training_settings(wildcards.model)),
        seeds=config["seeds"],
        folder=lambda wildcards, output: Path(output.history).parent,
    message:
        "{wildcards.site}: train {wildcards.model}"
    shell:
        "NPROC={threads} lad train --site {wildcards.site} --forcing {input.forcing} --observations {input.observations}"
        " --parameters {input.parameters} {params.periods}"
        " --model-settings {params.model:q} --settings {params.settings:q}"
        " --radiation {params.radiation} --integrator {params.integrator}"
        " --seeds {params.seeds} --output-directory {params.folder} 2>&1 | tee {log}"
