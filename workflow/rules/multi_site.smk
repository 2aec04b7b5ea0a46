@ends_run
def trained_on(wildcards):
    """Parameter function: the sites of one training of one network."""
    return plan.trained_on(wildcards.study, wildcards.fold)


@ends_run
def networks(wildcards):
    """Label and file of every multi-site network of a study."""
    return plan.networks(wildcards.study)


rule train_multi_site:
    """Train one network on all sites of a study together, or on those without what the fold is named after."""
    input:
        forcing=lambda wildcards: expand(rules.forcing.output.forcing, site=trained_on(wildcards)),
        observations=lambda wildcards: expand(rules.forcing.output.observations, site=trained_on(wildcards)),
        periods=lambda wildcards: expand(rules.periods.output.periods, site=trained_on(wildcards)),
        law=lambda wildcards: plan.law_module(config["multi_site"]["model"]),
        code=code("train"),
    output:
        networks=expand(
            "results/{{study}}/train_multi_site/{{fold}}/seed{seed}.eqx",
            seed=range(config["multi_site"]["seeds"]),
        ),
        history="results/{study}/train_multi_site/{fold}/history.csv",
    log:
        "logs/{study}/train_multi_site/{fold}.log",
    benchmark:
        "logs/{study}/train_multi_site/{fold}.tsv"
    resources:
        mem_mb=growing(2000, 400),
        runtime=growing(40, 40),
        launch="",  # what starts several processes of one training: srun of a cluster (docs/multi_site.md)
    params:
        sites=trained_on,
        model=lambda wildcards: json.dumps(
            plan.model_settings(config["multi_site"]["model"])
            | {key: config["multi_site"][key] for key in ("attributes", "mapping")}
        ),
        settings=lambda wildcards: json.dumps(
            plan.training_settings(config["multi_site"]["model"]) | config["multi_site"]["training"]
        ),
        integrator=config["simulation"]["integrator"],
        seeds=config["multi_site"]["seeds"],
        folder=lambda wildcards, output: Path(output.history).parent,
    message:
        "{wildcards.study}: train one network, fold {wildcards.fold}"
    shell:
        "NPROC={threads} {resources.launch} lad train --site {params.sites} --forcing {input.forcing}"
        " --observations {input.observations} --periods {input.periods}"
        " --model-settings {params.model:q} --settings {params.settings:q}"
        " --integrator {params.integrator} --seeds {params.seeds}"
        " --output-directory {params.folder} 2>&1 | tee {log}"


rule apply:
    """Apply a multi-site network to a site."""
    input:
        network="results/{study}/train_multi_site/{fold}/seed{seed}.eqx",
        forcing=rules.forcing.output.forcing,
        code=code("apply"),
    output:
        "results/{study}/apply/{fold}/{site}/seed{seed}.eqx",
    log:
        "logs/{study}/apply/{fold}/{site}_seed{seed}.log",
    benchmark:
        "logs/{study}/apply/{fold}/{site}_seed{seed}.tsv"
    resources:
        mem_mb=growing(2000),
        runtime=growing(5),
    message:
        "{wildcards.study}: network {wildcards.seed} of fold {wildcards.fold} at {wildcards.site}"
    shell:
        "lad apply --network {input.network} --forcing {input.forcing} --output {output} 2>&1 | tee {log}"


rule evaluate_multi_site:
    """Score the multi-site networks at each site of a study, beside models of only that site or only others."""
    input:
        forcing=of_sites(rules.forcing.output.forcing),
        observations=of_sites(rules.forcing.output.observations),
        periods=of_sites(rules.periods.output.periods),
        networks=lambda wildcards: networks(wildcards).values(),
        scores=rules.gather.output.scores,
        code=code("evaluate_multi_site"),
    output:
        scores=report(
            "results/{study}/multi_site.csv",
            caption="../report/evaluate_multi_site.rst",
            category="Scores",
            labels={"study": "{study}", "content": "multi-site networks"},
        ),
        record="results/{study}/multi_site.json",
        differences=report(
            "results/{study}/multi_site_differences.csv",
            caption="../report/evaluate_multi_site.rst",
            category="Scores",
            labels={"study": "{study}", "content": "gains of multi-site networks"},
        ),
        table="results/{study}/multi_site.md",
        figure=report(
            "results/{study}/multi_site.png",
            caption="../report/evaluate_multi_site.rst",
            category="Scores",
            labels={"study": "{study}", "content": "multi-site networks, figure"},
        ),
        vector="results/{study}/multi_site.pdf",
    log:
        "logs/{study}/evaluate_multi_site.log",
    benchmark:
        "logs/{study}/evaluate_multi_site.tsv"
    resources:
        mem_mb=growing(4000, 100),
        runtime=growing(10, 4),
    params:
        sites=lambda wildcards: plan.members[wildcards.study],
        networks=lambda wildcards: labelled(networks(wildcards)),
        own=config["multi_site"]["model"],
        integrator=config["simulation"]["integrator"],
        passes=config["simulation"]["spinup_passes"],
    message:
        "{wildcards.study}: score the multi-site networks"
    shell:
        "NPROC={threads} lad evaluate-multi-site --site {params.sites} --forcing {input.forcing}"
        " --observations {input.observations} --periods {input.periods} --network {params.networks}"
        " --scores {input.scores} --own {params.own}"
        " --integrator {params.integrator} --spinup-passes {params.passes}"
        " --output {output.scores} --differences {output.differences} --table {output.table} --figure {output.figure} 2>&1 | tee {log}"


rule fine_tune:
    """Fine-tune the network without a site on the site's last training years, beside models of only these years."""
    input:
        forcing=rules.forcing.output.forcing,
        observations=rules.forcing.output.observations,
        networks=expand(
            "results/{{study}}/train_multi_site/{{site}}/seed{seed}.eqx",
            seed=range(config["multi_site"]["seeds"]),
        ),
        law=lambda wildcards: plan.law_module(config["multi_site"]["model"]),
        code=code("years"),
    output:
        scores="results/{study}/fine_tuning/{site}/{years}.csv",
        record="results/{study}/fine_tuning/{site}/{years}.json",
    log:
        "logs/{study}/fine_tuning/{site}_{years}.log",
    benchmark:
        "logs/{study}/fine_tuning/{site}_{years}.tsv"
    resources:
        mem_mb=growing(4000),
        runtime=growing(120),
    params:
        periods=ends_run(lambda wildcards: plan.last_years(wildcards.site, int(wildcards.years))),
        begin=lambda wildcards, input: [f"fine_tuned/{n}={file}" for n, file in enumerate(input.networks)],
        calibration=json.dumps(config["calibration"]),
        models=lambda wildcards: json.dumps({"models": plan.fine_tuning_models()}),
        baselines=config["baselines"],
        simulation=simulation_options,
        seeds=config["multi_site"]["seeds"],
    message:
        "{wildcards.study}: fine-tune at {wildcards.site}, {wildcards.years} years"
    shell:
        "NPROC={threads} lad years --site {wildcards.site} --forcing {input.forcing}"
        " --observations {input.observations} {params.periods} --calibration {params.calibration:q}"
        " --models {params.models:q} --begin {params.begin} --baselines {params.baselines} {params.simulation}"
        " --seeds {params.seeds} --output {output.scores} 2>&1 | tee {log}"


rule fine_tuning:
    """Show the skill of the fine-tuned networks of a study."""
    input:
        scores=lambda wildcards: plan.fine_tuned(wildcards.study).values(),
        multi_site=rules.evaluate_multi_site.output.scores,
        code=code("fine_tuning"),
    output:
        scores="results/{study}/fine_tuning.csv",
        table="results/{study}/fine_tuning.md",
        figure=report(
            "results/{study}/fine_tuning.png",
            caption="../report/fine_tuning.rst",
            category="Scores",
            labels={"study": "{study}", "content": "fine-tuned networks"},
        ),
        vector="results/{study}/fine_tuning.pdf",
    log:
        "logs/{study}/fine_tuning.log",
    localrule: True
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        scores=lambda wildcards: labelled(plan.fine_tuned(wildcards.study)),
    message:
        "{wildcards.study}: show the fine-tuned networks"
    shell:
        "lad fine-tuning --scores {params.scores} --multi-site {input.multi_site} --output {output.scores}"
        " --table {output.table} --figure {output.figure} 2>&1 | tee {log}"
