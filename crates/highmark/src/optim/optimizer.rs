//! The optimizer: groups of parameters, their hypers and what is remembered of past gradients.

use super::deferred::{Deferred, Table, Tile};
use super::update::{Slices, Update};
use super::{Hyper, Hypers, OptimizerConfig};
use crate::data::Batch;
use crate::engine::{Lines, PER_NUMBER, Parameter, Pool, Shard, Shards};
use crate::{Error, ParamKind, Params, Result};

/// Which parameters form a group: those whose names begin with one of the prefixes, whole parts between dots.
///
/// ```
/// use highmark::GroupRule;
/// // A tenth of the learning rate for the embeddings; 0 would freeze them.
/// let rule = GroupRule::new("embeddings", ["embeds"]).times(0.1);
/// assert!(rule.contains("embeds.0.weight") && !rule.contains("embeds_2.weight"));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct GroupRule {
    /// The group's name.
    pub name: String,
    /// Prefixes of parameter names: `layers.1` is `layers.1.0.weight` and not `layers.10.0.weight`.
    pub prefixes: Vec<String>,
    /// What the group multiplies the learning rate by, whoever sets it: the fit, its schedule. From 0, default 1.
    pub factor: f64,
}

impl GroupRule {
    /// A group called `name` of the parameters with these prefixes.
    pub fn new<S: Into<String>>(name: impl Into<String>, prefixes: impl IntoIterator<Item = S>) -> Self {
        Self { name: name.into(), prefixes: prefixes.into_iter().map(Into::into).collect(), factor: 1.0 }
    }

    /// The same with a learning rate that is so many times that of the fit.
    #[must_use]
    pub fn times(self, factor: f64) -> Self {
        Self { factor, ..self }
    }

    /// Whether the parameter called `name` belongs to it.
    pub fn contains(&self, name: &str) -> bool {
        self.prefixes.iter().any(|prefix| {
            name.strip_prefix(prefix.as_str()).is_some_and(|rest| {
                rest.is_empty() || rest.starts_with('.') || prefix.ends_with('.') || prefix.is_empty()
            })
        })
    }
}

/// Parameters that share their hypers.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// The name; `all` if there is only one.
    pub name: String,
    /// The hypers as of now.
    pub hypers: Hypers,
    /// [`GroupRule::factor`].
    pub factor: f64,
    /// The parameters, as places in [`Params::list`].
    pub parameters: Vec<usize>,
}

/// Turns gradients into steps.
///
/// ```
/// use highmark::{Optimizer, OptimizerConfig, ParamKind, Params};
/// let mut params = Params::default();
/// params.add("weight", &[1], ParamKind::Weight);
/// params.values[0] = 1.0;
/// let mut optimizer = Optimizer::new(&OptimizerConfig::default(), &params, &[], 0.1)?;
/// params.grads[0] = 0.5;
/// optimizer.step(&mut params);
/// assert!((params.values[0] - 0.899002).abs() < 1e-6);
/// # Ok::<(), highmark::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Optimizer {
    config: OptimizerConfig,
    groups: Vec<Group>,
    /// For every parameter its group, and whether it decays.
    rules: Vec<(usize, bool)>,
    /// For every group, with and without decay; made anew in every step.
    updates: Vec<[Update; 2]>,
    grad_avg: Lines,
    sqr_avg: Lines,
    steps: u64,
    /// Large embeddings some of whose steps wait; none but while a fit trains and nobody looks at the model.
    deferred: Vec<Deferred>,
}

impl Optimizer {
    /// An optimizer for `params` whose groups start with learning rate `lr`, each times its factor.
    ///
    /// A parameter goes into the first of `groups` that it fits; without groups all form one. Fails on settings out
    /// of range, on a factor below 0, on a group without parameters, and on a parameter without a group.
    pub fn new(config: &OptimizerConfig, params: &Params, groups: &[GroupRule], lr: f64) -> Result<Self> {
        let hypers = config.hypers(lr)?;
        let all = [GroupRule::new("all", [""])];
        let rules = if groups.is_empty() { &all } else { groups };
        if let Some(rule) = rules.iter().find(|rule| !(rule.factor.is_finite() && rule.factor >= 0.0)) {
            let message = format!("`{}`: the factor must be a number from 0, not {}", rule.name, rule.factor);
            return Err(Error::config("groups", message));
        }
        let mut made: Vec<Group> = rules
            .iter()
            .map(|rule| Group {
                name: rule.name.clone(),
                hypers: Hypers { lr: rule.factor * lr, ..hypers.clone() },
                factor: rule.factor,
                parameters: Vec::new(),
            })
            .collect();
        let mut parameter_rules = Vec::new();
        for (place, parameter) in params.list().iter().enumerate() {
            let Some(group) = rules.iter().position(|rule| rule.contains(&parameter.name)) else {
                return Err(Error::config(
                    "groups",
                    format!("no group holds the parameter `{}`", parameter.name),
                ));
            };
            made[group].parameters.push(place);
            let decays =
                config.wd_bn_bias || matches!(parameter.kind, ParamKind::Weight | ParamKind::Embedding);
            parameter_rules.push((group, decays));
        }
        if let Some(empty) = made.iter().find(|group| group.parameters.is_empty())
            && !groups.is_empty()
        {
            return Err(Error::config("groups", format!("no parameter fits the group `{}`", empty.name)));
        }
        let updates = vec![[Update::default(); 2]; made.len()];
        let mut optimizer = Self {
            config: config.clone(),
            groups: made,
            rules: parameter_rules,
            updates,
            grad_avg: Lines::default(),
            sqr_avg: Lines::default(),
            steps: 0,
            deferred: Vec::new(),
        };
        if optimizer.keeps_average() {
            optimizer.grad_avg.grow(params.len());
        }
        if optimizer.keeps_squares() {
            optimizer.sqr_avg.grow(params.len());
        }
        Ok(optimizer)
    }

    /// Decided when it is made: fastai's SGD without momentum has none later either.
    fn keeps_average(&self) -> bool {
        use super::OptimizerKind::{Adam, RAdam};
        matches!(self.config.kind, Adam | RAdam) || self.config.mom.is_some_and(|mom| mom != 0.0)
    }

    fn keeps_squares(&self) -> bool {
        self.config.kind != super::OptimizerKind::Sgd
    }

    /// What it was made with.
    pub fn config(&self) -> &OptimizerConfig {
        &self.config
    }

    /// The groups, with their hypers as of now.
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// The learning rate of the last group, which a history records.
    pub fn lr(&self) -> f64 {
        self.hyper(Hyper::Lr)
    }

    /// The learning rate of the group with the highest: others may be frozen, at 0.
    pub fn highest_lr(&self) -> f64 {
        self.groups.iter().map(|group| group.hypers.lr).fold(0.0, f64::max)
    }

    /// The momentum of the last group.
    pub fn mom(&self) -> f64 {
        self.hyper(Hyper::Mom)
    }

    /// Any hyper of the last group.
    pub fn hyper(&self, hyper: Hyper) -> f64 {
        self.groups.last().map_or(f64::NAN, |group| group.hypers.get(hyper))
    }

    /// Sets the learning rate: that of each group is its factor times as much.
    pub fn set_lr(&mut self, lr: f64) {
        for group in &mut self.groups {
            group.hypers.lr = group.factor * lr;
        }
    }

    /// Sets a hyper of all groups; the learning rate as [`Optimizer::set_lr`] does.
    pub fn set_hyper(&mut self, hyper: Hyper, value: f64) {
        if hyper == Hyper::Lr {
            return self.set_lr(value);
        }
        for group in &mut self.groups {
            group.hypers.set(hyper, value);
        }
    }

    /// Sets the learning rate of every group as it is, in the order of the groups, until somebody sets it again: a fit does
    /// when it begins, and a schedule before every batch. Fails unless there is one for each.
    pub fn set_lrs(&mut self, lrs: &[f64]) -> Result<()> {
        self.set_hypers(Hyper::Lr, lrs)
    }

    /// Sets a hyper of every group, in the order of the groups. Fails unless there is one value for each.
    pub fn set_hypers(&mut self, hyper: Hyper, values: &[f64]) -> Result<()> {
        if values.len() != self.groups.len() {
            let message =
                format!("there are {} values for {} parameter groups", values.len(), self.groups.len());
            return Err(Error::config("groups", message));
        }
        for (group, value) in self.groups.iter_mut().zip(values) {
            group.hypers.set(hyper, *value);
        }
        Ok(())
    }

    /// Learning rates from `low` for the first group to `high` for the last, by equal factors: fastai's
    /// `slice(low, high)`. One group gets `high`.
    pub fn set_lr_range(&mut self, low: f64, high: f64) {
        let last = self.groups.len().saturating_sub(1);
        for (i, group) in self.groups.iter_mut().enumerate() {
            group.hypers.lr = if i == last { high } else { low * (high / low).powf(i as f64 / last as f64) };
        }
    }

    /// Fails when a step would make numbers of the parameters that are none, or cannot be made: a hook can set any hyper, and
    /// put other gradients in place of those of the model.
    pub(crate) fn check_step(&self, params: &Params) -> Result<()> {
        for Hypers { lr, mom, sqr_mom, eps, wd } in self.groups.iter().map(|group| &group.hypers) {
            let all = [("lr", lr), ("mom", mom), ("sqr_mom", sqr_mom), ("eps", eps), ("wd", wd)];
            if let Some((name, value)) = all.into_iter().find(|(_, value)| !value.is_finite()) {
                return Err(Error::training(format!(
                    "`{name}` was set to {value}, with which no step can be made"
                )));
            }
        }
        let (numbers, gradients) = (params.values.len(), params.grads.len());
        if numbers != gradients {
            return Err(Error::training(format!("there are {gradients} gradients for {numbers} parameters")));
        }
        Ok(())
    }

    /// Limits the gradients as configured and returns their norm before that; `None` if no limit is set.
    pub fn clip(&self, params: &mut Params) -> Option<f64> {
        self.config.clip.map(|clip| clip.apply(&mut params.grads))
    }

    /// Applies the gradients to the values. Allocates nothing, and leaves the gradients as they are.
    pub fn step(&mut self, params: &mut Params) {
        self.begin_step();
        let Self { rules, updates, grad_avg, sqr_avg, .. } = self;
        let (parameters, values, grads) = params.step_parts();
        let shards = [values, grad_avg, sqr_avg].map(|numbers| Shard::whole(numbers, parameters));
        apply(parameters, (rules, updates), &[], (0, 1), grads, shards);
    }

    /// [`Optimizer::step`] on the threads of a pool, with the same bits: every parameter is on its own. Of tables whose steps
    /// wait, the rows of the batch take theirs.
    pub(crate) fn step_on(&mut self, pool: &Pool, params: &mut Params) {
        self.begin_step();
        let mut numbers = params.len();
        for deferred in &mut self.deferred {
            let (group, decays) = self.rules[deferred.parameter()];
            deferred.note(self.updates[group][usize::from(decays)]);
            numbers -= deferred.len();
        }
        let Self { rules, updates, grad_avg, sqr_avg, deferred, .. } = self;
        let (parameters, values, grads) = params.step_parts();
        let tiles = pool.tiles(numbers * PER_NUMBER);
        let lent = [values, grad_avg, sqr_avg].map(|numbers| Shards::new(numbers, parameters, tiles));
        pool.run(tiles, lent, |i, shards, _| {
            apply(parameters, (rules, updates), deferred, (i, tiles), grads, shards);
        });
    }

    /// Steps of these tables wait from now on, until [`Optimizer::defer_none`].
    pub(crate) fn defer(&mut self, tables: impl Iterator<Item = Table>) {
        self.deferred.extend(tables.map(Deferred::new));
    }

    /// Whether steps of any table wait.
    pub(crate) fn defers(&self) -> bool {
        !self.deferred.is_empty()
    }

    /// Makes the steps that have waited: those of the rows that this batch uses, or all.
    pub(crate) fn catch_up(&mut self, pool: &Pool, params: &mut Params, batch: Option<&Batch>) {
        let Self { grad_avg, sqr_avg, deferred, .. } = self;
        for table in &mut *deferred {
            match batch {
                Some(batch) => table.begin_batch(batch),
                None => table.take_all(),
            }
        }
        let numbers: usize = deferred.iter().map(Deferred::late_numbers).sum();
        if numbers == 0 {
            return;
        }
        let (parameters, values, _) = params.step_parts();
        let tiles = pool.tiles(numbers * PER_NUMBER);
        let lent = [values, grad_avg, sqr_avg].map(|numbers| Shards::new(numbers, parameters, tiles));
        pool.run(tiles, lent, |i, [mut values, mut grad_avg, mut sqr_avg], scratch| {
            for table in &*deferred {
                let numbers = Tile { values: &mut values, grad_avg: &mut grad_avg, sqr_avg: &mut sqr_avg };
                table.catch_up((i, tiles), numbers, scratch);
            }
        });
    }

    /// No steps wait any more, after all have been made.
    pub(crate) fn defer_none(&mut self) {
        self.deferred.clear();
    }

    /// Counts a step and computes its numbers for every group.
    fn begin_step(&mut self) {
        self.steps += 1;
        let momentum = self.keeps_average();
        for (updates, group) in self.updates.iter_mut().zip(&self.groups) {
            let decoupled = (group.hypers.wd != 0.0).then_some(self.config.decouple_wd);
            *updates = [None, decoupled]
                .map(|decay| Update::new(self.config.kind, &group.hypers, momentum, decay, self.steps));
        }
    }

    /// What is remembered of past gradients, by name, each as long as the parameters: `grad_avg` and `sqr_avg`, as
    /// far as the rule has them.
    pub fn tensors(&self) -> Vec<(&'static str, &[f32])> {
        let all = [("grad_avg", &self.grad_avg), ("sqr_avg", &self.sqr_avg)];
        all.into_iter()
            .filter(|(_, tensor)| !tensor.is_empty())
            .map(|(name, tensor)| (name, &tensor[..]))
            .collect()
    }

    /// Steps made since it was new or reset.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Takes up a saved state: [`Optimizer::steps`], [`Optimizer::tensors`] and the hypers of every group. Fails,
    /// and changes nothing, if it is not of such an optimizer.
    pub fn load_state(&mut self, steps: u64, tensors: &[(&str, &[f32])], hypers: &[Hypers]) -> Result<()> {
        let own = self.tensors();
        let fits = |(name, tensor): &(&str, &[f32])| {
            tensors.iter().any(|(saved, other)| saved == name && other.len() == tensor.len())
        };
        if own.len() != tensors.len() || !own.iter().all(fits) || hypers.len() != self.groups.len() {
            return Err(Error::data(
                "the saved optimizer does not fit: it is of another kind, model or number of parameter groups",
            ));
        }
        for (name, tensor) in tensors {
            let own = if *name == "grad_avg" { &mut self.grad_avg } else { &mut self.sqr_avg };
            own.copy_from_slice(tensor);
        }
        for (group, hypers) in self.groups.iter_mut().zip(hypers) {
            group.hypers = hypers.clone();
        }
        self.steps = steps;
        Ok(())
    }

    /// Forgets past gradients and steps, and keeps the hypers.
    pub fn reset_state(&mut self) {
        self.grad_avg.fill(0.0);
        self.sqr_avg.fill(0.0);
        self.steps = 0;
    }
}

/// Applies the updates to tile `i` of `tiles` of every parameter.
fn apply(
    parameters: &[Parameter],
    (rules, updates): (&[(usize, bool)], &[[Update; 2]]),
    deferred: &[Deferred],
    (i, tiles): (usize, usize),
    grads: &[f32],
    [mut values, mut grad_avg, mut sqr_avg]: [Shard<'_>; 3],
) {
    for (place, (parameter, (group, decays))) in parameters.iter().zip(rules).enumerate() {
        if let Some(table) = deferred.iter().find(|table| table.parameter() == place) {
            let numbers = Tile { values: &mut values, grad_avg: &mut grad_avg, sqr_avg: &mut sqr_avg };
            table.step((i, tiles), numbers, &grads[parameter.range.clone()]);
            continue;
        }
        let slices = Slices {
            values: values.rows(place),
            grads: &grads[parameter.tile(i, tiles)],
            grad_avg: grad_avg.rows(place),
            sqr_avg: sqr_avg.rows(place),
        };
        updates[*group][usize::from(*decays)].apply(slices);
    }
}
