//! Trains as a case says, and compares.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use highmark::{
    Accuracy, DataConfig, Error, Learner, LearnerConfig, Metric, NamedData, OptimizerConfig, OptimizerKind,
    Order, Proc, Result, SavedModel, Schedule, Split, Table, TabularConfig, TabularData, Targets, Task,
    TaskKind,
};

use super::case::{Case, TensorFile};
use super::quantity::{Quantity, absolute, relative, scaled};

/// The target columns that `make_golden.py` makes a regression of.
const REGRESSIONS: [&str; 2] = ["age", "hours-per-week"];

/// Compares everything in one folder.
pub(crate) fn check(folder: &Path) -> Result<Vec<Quantity>> {
    let case = Case::read(folder)?;
    let table = NamedData::Adult.table()?.slice(0, case.meta.config.rows);
    let data = prepare(&case, &table)?;
    let mut quantities = compare_data(&case, &data);
    let mut learn = learner(&case, &data)?;
    quantities.push(compare_embeddings(&case, &learn));
    learn.load_weights(folder.join("init.safetensors"))?;
    learn.fit_with(case.meta.config.epochs, Some(case.meta.config.lr), &schedule(&case)?, Vec::new())?;
    quantities.extend(compare_training(&case, &learn));
    quantities.extend(compare_models(&case, &table, &data, &mut learn)?);
    Ok(quantities)
}

fn prepare(case: &Case, table: &Table) -> Result<TabularData> {
    let config = &case.meta.config;
    let procs = config.procs.iter().map(|name| Proc::parse(name)).collect::<Result<Vec<_>>>()?;
    let regression = REGRESSIONS.contains(&config.dep.as_str());
    let data = DataConfig {
        targets: vec![config.dep.clone()],
        task: Some(if regression { TaskKind::Regression } else { TaskKind::Classification }),
        procs,
        max_card: 1,
        valid: Split::List(case.valid_rows.clone()),
        ..DataConfig::default()
    };
    TabularData::new(table, &data)
}

fn learner(case: &Case, data: &TabularData) -> Result<Learner> {
    let config = &case.meta.config;
    let kind = config
        .opt
        .as_deref()
        .map_or(Ok(OptimizerKind::Adam), |name| OptimizerKind::parse(&name.to_lowercase()))?;
    let mut metrics: Vec<Box<dyn Metric>> = Vec::new();
    if matches!(data.pipeline.task(), Task::Classification { .. }) {
        metrics.push(Box::new(Accuracy::default()));
    }
    let positions: HashMap<usize, u32> =
        (0..).zip(&data.train_rows).map(|(at, row)| (*row as usize, at)).collect();
    let position = |row: &usize| {
        let missing = || Error::data(format!("the order names row {row}, which is not for training"));
        positions.get(row).copied().ok_or_else(missing)
    };
    let epochs =
        case.order.iter().map(|rows| rows.iter().map(position).collect()).collect::<Result<Vec<_>>>()?;
    let model =
        TabularConfig { layers: config.layers.clone(), y_range: config.y_range, ..TabularConfig::default() };
    // Tests check several cases at a time.
    let name = case.folder.file_name().unwrap_or_default().to_string_lossy();
    let model_dir = std::env::temp_dir().join(format!("highmark-golden-{}-{name}", std::process::id()));
    let mut learn = Learner::tabular(
        data,
        LearnerConfig {
            model,
            batch_size: config.bs,
            optimizer: OptimizerConfig { kind, mom: config.mom, wd: config.wd, ..OptimizerConfig::default() },
            lr: config.lr,
            metrics,
            order: Some((Order::Given(Arc::new(epochs)), true)),
            model_dir,
            ..LearnerConfig::default()
        },
    )?;
    learn.quiet();
    Ok(learn)
}

fn schedule(case: &Case) -> Result<Schedule> {
    Schedule::parse(&case.meta.config.fit.replace('_', "-"))
}

fn compare_data(case: &Case, data: &TabularData) -> Vec<Quantity> {
    let (meta, pipeline) = (&case.meta, &data.pipeline);
    let classes: Vec<_> = pipeline.cat_names().iter().map(|name| pipeline.classes(name)).collect();
    let their_classes: Vec<_> = meta.cat_names.iter().map(|name| meta.classes.get(name).cloned()).collect();
    let vocabulary = match pipeline.task() {
        Task::Classification { .. } => pipeline.task().class_names(),
        _ => Vec::new(),
    };
    let fill = pipeline.fill_values();
    let (filled, fill): (Vec<_>, Vec<_>) = fill.into_iter().unzip();
    let their_filled: Vec<_> = meta.fill.keys().cloned().collect();
    let their_fill: Vec<_> = filled.iter().filter_map(|name| meta.fill.get(name).copied()).collect();
    let of = |numbers: &std::collections::BTreeMap<String, f64>| {
        meta.cont_names.iter().filter_map(|name| numbers.get(name).copied()).collect::<Vec<_>>()
    };
    let [x_cat, x_cont, y] = in_order_of_rows(data);
    let mut filled = filled;
    filled.sort();
    vec![
        Quantity::exact("categorical columns", pipeline.cat_names(), &meta.cat_names),
        Quantity::exact("continuous columns", pipeline.cont_names(), &meta.cont_names),
        Quantity::exact("levels of the columns", &classes, &their_classes),
        Quantity::exact("classes of the target", &vocabulary, meta.vocab.as_deref().unwrap_or_default()),
        Quantity::exact("columns that are filled", &filled, &their_filled),
        Quantity::within("fill values", 1e-6, "relative", &relative(&fill, &their_fill)),
        Quantity::within("means", 1e-6, "relative", &relative(pipeline.means(), &of(&meta.means))),
        Quantity::within(
            "standard deviations",
            1e-6,
            "relative",
            &relative(pipeline.stds(), &of(&meta.stds)),
        ),
        Quantity::exact("codes", &x_cat, &case.x_cat),
        Quantity::within("continuous inputs", 1e-6, "scaled", &scaled(&x_cont, &case.x_cont)),
        Quantity::exact("targets", &y, &case.y),
    ]
}

/// Codes, numbers and targets of all rows, in the order of the table.
fn in_order_of_rows(data: &TabularData) -> [Vec<f64>; 3] {
    let rows = data.train_rows.len() + data.valid_rows.len();
    let (n_cat, n_cont) = (data.train.n_cat(), data.train.n_cont());
    let mut all = [vec![f64::NAN; rows * n_cat], vec![f64::NAN; rows * n_cont], vec![f64::NAN; rows]];
    for (dataset, numbers) in [(&data.train, &data.train_rows), (&data.valid, &data.valid_rows)] {
        for (at, row) in numbers.iter().enumerate() {
            let row = *row as usize;
            for column in 0..n_cat {
                all[0][row * n_cat + column] = dataset.x_cat()[at * n_cat + column].into();
            }
            for column in 0..n_cont {
                all[1][row * n_cont + column] = dataset.x_cont()[at * n_cont + column].into();
            }
            all[2][row] = match dataset.targets() {
                Some(Targets::Classes(classes)) => classes[at].into(),
                Some(Targets::Values { values, .. }) => values[at].into(),
                None => f64::NAN,
            };
        }
    }
    all
}

fn compare_embeddings(case: &Case, learn: &Learner) -> Quantity {
    let params = learn.trainer().model.params().list().iter();
    let ours: Vec<_> = params.filter(|p| p.name.starts_with("embeds.")).map(|p| p.shape.clone()).collect();
    Quantity::exact("embedding sizes", &ours, &case.meta.emb_szs)
}

fn compare_training(case: &Case, learn: &Learner) -> Vec<Quantity> {
    let history = learn.history();
    let losses: Vec<f64> = history.losses.iter().map(|loss| f64::from(*loss)).collect();
    let by_step = relative(&losses, &case.loss);
    let mut sorted = by_step.clone();
    sorted.sort_by(f64::total_cmp);
    let median = sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN);
    let column = |name: &str| -> (Vec<f64>, Vec<f64>) {
        let at = case.meta.columns.iter().position(|column| column == name);
        let theirs = case.meta.epochs.iter().filter_map(|row| row.get(at?).copied()).collect();
        (history.rows.iter().filter_map(|row| history.value(row, name)).collect(), theirs)
    };
    let last = |numbers: &[f64]| numbers.last().copied().unwrap_or(f64::NAN);
    let ((train, their_train), (valid, their_valid)) = (column("train_loss"), column("valid_loss"));
    let (ours, theirs) = (last(&valid), last(&their_valid));
    let mut quantities = vec![
        Quantity::within("learning rate of each step", 1e-6, "relative", &relative(&history.lrs, &case.lr)),
        Quantity::within("momentum of each step", 1e-6, "relative", &relative(&history.moms, &case.mom)),
        Quantity::within("loss of the first 10 steps", 1e-5, "relative", &by_step[..by_step.len().min(10)]),
        Quantity::within("loss of all steps, median", 1e-3, "relative", &[median])
            .note(format!("of {}", by_step.len())),
        Quantity::reported("loss of all steps", "relative", &by_step),
        Quantity::reported(
            "smoothed training loss of each epoch",
            "relative",
            &relative(&train, &their_train),
        ),
        Quantity::within("last validation loss", 5e-3, "relative", &relative(&[ours], &[theirs]))
            .note(format!("{ours:.6}, fastai {theirs:.6}")),
    ];
    if case.meta.columns.iter().any(|column| column == "accuracy") {
        let (ours, theirs) = column("accuracy");
        let (ours, theirs) = (last(&ours), last(&theirs));
        let rows = (ours - theirs).abs() * case.valid_rows.len() as f64;
        // Accuracies are 32-bit numbers: a whole row may come out a little larger.
        let quantity = Quantity::within("last accuracy", 1.001, "rows", &[rows]);
        quantities.push(quantity.note(format!("{ours:.6}, fastai {theirs:.6}")));
    }
    quantities
}

fn compare_models(
    case: &Case,
    table: &Table,
    data: &TabularData,
    learn: &mut Learner,
) -> Result<Vec<Quantity>> {
    let wide = |numbers: Vec<f32>| numbers.into_iter().map(f64::from).collect::<Vec<_>>();
    let ours = wide(learn.predict_dataset(&data.valid)?);
    let file = TensorFile::read(case.folder.join("final.safetensors"))?;
    let (mut weights, mut their_weights) = (Vec::new(), Vec::new());
    for parameter in learn.trainer().model.params().list() {
        weights.extend(
            learn.trainer().model.params().values[parameter.range.clone()].iter().map(|x| f64::from(*x)),
        );
        their_weights.extend(file.numbers(&parameter.name)?.1);
    }

    let path = learn.save("trained")?;
    let mut reloaded = SavedModel::load(&path)?;
    let rows: Vec<u32> = data.valid_rows.clone();
    let (all, _) = reloaded.predict(table)?;
    let outputs = all.outputs;
    let again =
        rows.iter().flat_map(|row| &all.values[*row as usize * outputs..(*row as usize + 1) * outputs]);
    let again = wide(again.copied().collect());
    std::fs::remove_file(&path).map_err(|e| Error::io("remove", &path, e))?;
    if let Some(folder) = path.parent() {
        // Only ours, and only when it is empty.
        std::fs::remove_dir(folder).map_err(|e| Error::io("remove", folder, e))?;
    }

    learn.load_weights(case.folder.join("final.safetensors"))?;
    let theirs = wide(learn.predict_dataset(&data.valid)?);
    Ok(vec![
        Quantity::reported("weights after training", "absolute", &absolute(&weights, &their_weights)),
        Quantity::reported(
            "validation predictions after training",
            "scaled",
            &scaled(&ours, &case.valid_preds),
        ),
        Quantity::within(
            "predictions of fastai's trained weights",
            1e-4,
            "scaled",
            &scaled(&theirs, &case.valid_preds),
        ),
        Quantity::exact("predictions of the model saved and reloaded", &again, &ours),
    ])
}
