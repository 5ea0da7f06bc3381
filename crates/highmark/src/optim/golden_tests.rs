//! Every optimizer against the steps of fastai's, and what must hold for all of them.

use super::{Clip, GroupRule, Hyper, Optimizer, OptimizerConfig, OptimizerKind};
use crate::engine::Pool;
use crate::{ParamKind, Params};

#[derive(serde::Deserialize)]
struct Golden {
    start: Vec<f32>,
    lrs: Vec<f64>,
    moms: Vec<f64>,
    grads: Vec<Vec<f32>>,
    cases: Vec<Case>,
}

#[derive(serde::Deserialize)]
struct Case {
    config: OptimizerConfig,
    move_mom: bool,
    /// After every step.
    values: Vec<Vec<f32>>,
    /// After the last.
    state: std::collections::BTreeMap<String, Vec<f32>>,
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("../../tests/golden/optim/optim.json")).unwrap()
}

fn params(start: &[f32]) -> Params {
    let mut params = Params::default();
    params.add("layers.0.weight", &[5], ParamKind::Weight);
    params.add("layers.0.bias", &[2], ParamKind::Bias);
    params.values.copy_from_slice(start);
    params
}

fn near(a: &[f32], b: &[f32], what: &str) {
    assert_eq!(a.len(), b.len());
    for (a, b) in a.iter().zip(b) {
        assert!((a - b).abs() <= 2e-6 * b.abs().max(0.1), "{what}: {a} is not {b}");
    }
}

#[test]
fn fastai_agrees() {
    let golden = golden();
    assert!(golden.cases.len() >= 17);
    for case in &golden.cases {
        let mut params = params(&golden.start);
        let mut optimizer = Optimizer::new(&case.config, &params, &[], golden.lrs[0]).unwrap();
        for (k, wanted) in case.values.iter().enumerate() {
            optimizer.set_lr(golden.lrs[k]);
            if case.move_mom {
                optimizer.set_hyper(Hyper::Mom, golden.moms[k]);
            }
            params.grads.copy_from_slice(&golden.grads[k]);
            optimizer.step(&mut params);
            near(&params.values, wanted, &format!("{:?}, step {k}", case.config));
            assert_eq!(params.grads, golden.grads[k]);
        }
        let state = optimizer.tensors();
        assert_eq!(state.len(), case.state.len(), "{:?}", case.config);
        for (name, tensor) in state {
            near(tensor, &case.state[name], name);
        }
    }
}

/// Steps with all gradients of the golden file and returns the values.
fn walk(config: &OptimizerConfig) -> Vec<f32> {
    let golden = golden();
    let mut params = params(&golden.start);
    let mut optimizer = Optimizer::new(config, &params, &[], 0.05).unwrap();
    for grads in &golden.grads {
        params.grads.copy_from_slice(grads);
        optimizer.step(&mut params);
    }
    params.values
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let (parameters, kinds) = ([5000, 3, 977], [ParamKind::Weight, ParamKind::Bias, ParamKind::Embedding]);
    for case in golden().cases {
        // Without a pool for 0 threads.
        let walk = |threads: usize| {
            let pool = (threads > 0).then(|| Pool::new(threads));
            let mut params = Params::default();
            for (i, (len, kind)) in parameters.into_iter().zip(kinds).enumerate() {
                params.add(format!("p{i}"), &[len], kind);
            }
            let numbers = |step: usize| move |i: usize| ((i * 31 + step * 7) % 97) as f32 / 97.0 - 0.5;
            params.values.iter_mut().enumerate().for_each(|(i, x)| *x = numbers(0)(i));
            let groups = [GroupRule::new("first", ["p0"]), GroupRule::new("others", ["p1", "p2"])];
            let mut optimizer = Optimizer::new(&case.config, &params, &groups, 0.05).unwrap();
            for step in 1..4 {
                params.grads.iter_mut().enumerate().for_each(|(i, x)| *x = numbers(step)(i));
                match &pool {
                    Some(pool) => optimizer.step_on(pool, &mut params),
                    None => optimizer.step(&mut params),
                }
            }
            params.values
        };
        let one = walk(0);
        assert!([1, 2, 3, 8].into_iter().all(|threads| walk(threads) == one), "{:?}", case.config);
    }
}

#[test]
fn hand_computed_adam() {
    let mut params = Params::default();
    params.add("weight", &[1], ParamKind::Weight);
    params.values[0] = 1.0;
    let mut optimizer = Optimizer::new(&OptimizerConfig::default(), &params, &[], 0.1).unwrap();
    for (grad, wanted) in [(0.5, 0.899_002), (-0.3, 0.878_933_23), (0.2, 0.843_225_34)] {
        params.grads[0] = grad;
        optimizer.step(&mut params);
        near(&params.values, &[wanted], "adam");
    }
}

#[test]
fn eps_of_rms_prop_is_honoured() {
    let config = OptimizerConfig { kind: OptimizerKind::RmsProp, eps: Some(0.9), ..Default::default() };
    let mut params = Params::default();
    params.add("weight", &[1], ParamKind::Weight);
    params.grads[0] = 1.0;
    Optimizer::new(&config, &params, &[], 1.0).unwrap().step(&mut params);
    near(&params.values, &[-1.0], "rmsprop");
}

#[test]
fn resumed_steps_are_the_same_steps() {
    let golden = golden();
    for case in &golden.cases {
        let whole = walk(&case.config);
        let mut first = params(&golden.start);
        let mut optimizer = Optimizer::new(&case.config, &first, &[], 0.05).unwrap();
        for grads in &golden.grads {
            let mut resumed = Optimizer::new(&case.config, &first, &[], 0.7).unwrap();
            let hypers: Vec<_> = optimizer.groups().iter().map(|group| group.hypers.clone()).collect();
            resumed.load_state(optimizer.steps(), &optimizer.tensors(), &hypers).unwrap();
            optimizer = resumed;
            first.grads.copy_from_slice(grads);
            optimizer.step(&mut first);
        }
        assert_eq!(whole, first.values);
        assert_eq!(optimizer.steps(), golden.grads.len() as u64);
    }
}

#[test]
fn a_foreign_state_is_refused() {
    let params = params(&[0.0; 7]);
    let mut adam = Optimizer::new(&OptimizerConfig::default(), &params, &[], 0.1).unwrap();
    let hypers = vec![adam.groups()[0].hypers.clone()];
    let (long, short) = ([1.0; 7], [1.0; 6]);
    assert!(adam.load_state(3, &[("grad_avg", &long)], &hypers).is_err());
    assert!(adam.load_state(3, &[("grad_avg", &long), ("sqr_avg", &short)], &hypers).is_err());
    assert!(adam.load_state(3, &[("grad_avg", &long), ("grad_avg", &long)], &hypers).is_err());
    assert!(adam.load_state(3, &[("grad_avg", &long), ("sqr_avg", &long)], &[]).is_err());
    assert_eq!(adam.steps(), 0);
    assert!(adam.load_state(3, &[("sqr_avg", &long), ("grad_avg", &long)], &hypers).is_ok());
    assert_eq!((adam.steps(), adam.tensors()[1]), (3, ("sqr_avg", &long[..])));
    adam.reset_state();
    assert_eq!((adam.steps(), adam.tensors()[0]), (0, ("grad_avg", &[0.0; 7][..])));
}

#[test]
fn groups_have_their_own_hypers() {
    let mut params = params(&[1.0; 7]);
    let sgd = OptimizerConfig { kind: OptimizerKind::Sgd, ..Default::default() };
    let rules = [GroupRule::new("rest", ["layers.0.weight"]), GroupRule::new("bias", ["layers.0"])];
    let mut optimizer = Optimizer::new(&sgd, &params, &rules, 0.1).unwrap();
    assert_eq!(optimizer.groups()[0].parameters, [0]);
    assert_eq!(optimizer.groups()[1].parameters, [1]);
    optimizer.set_lrs(&[0.0, 0.5]).unwrap();
    assert_eq!(optimizer.lr(), 0.5);
    params.grads.fill(1.0);
    optimizer.step(&mut params);
    assert_eq!(params.values, [1.0, 1.0, 1.0, 1.0, 1.0, 0.5, 0.5]);
    assert!(optimizer.set_lrs(&[0.1]).is_err());
    optimizer.set_lr_range(1e-4, 1e-2);
    assert_eq!((optimizer.groups()[0].hypers.lr, optimizer.lr()), (1e-4, 1e-2));
    optimizer.set_hyper(Hyper::Wd, 0.3);
    assert!(optimizer.groups().iter().all(|group| group.hypers.wd == 0.3));
    let missing = [GroupRule::new("weights", ["layers.0.weight"])];
    assert!(Optimizer::new(&sgd, &params, &missing, 0.1).is_err());
    let typo = [GroupRule::new("all", ["layers"]), GroupRule::new("none", ["layer"])];
    assert!(Optimizer::new(&sgd, &params, &typo, 0.1).is_err());
    assert!(Optimizer::new(&sgd, &params, &[], -0.1).is_err());
}

#[test]
fn prefixes_end_at_dots() {
    let rule = GroupRule::new("first", ["layers.1"]);
    assert!(
        rule.contains("layers.1.0.weight")
            && rule.contains("layers.1")
            && !rule.contains("layers.10.0.weight")
    );
    assert!(GroupRule::new("dot", ["layers.1."]).contains("layers.1.0.weight"));
}

#[test]
fn clips_only_if_configured() {
    let mut params = params(&[0.0; 7]);
    params.grads.fill(1.0);
    let mut config = OptimizerConfig::default();
    assert_eq!(Optimizer::new(&config, &params, &[], 0.1).unwrap().clip(&mut params), None);
    assert_eq!(params.grads, [1.0; 7]);
    config.clip = Some(Clip::Value(0.25));
    let norm = Optimizer::new(&config, &params, &[], 0.1).unwrap().clip(&mut params);
    assert_eq!((norm, &params.grads[..]), (Some(7f64.sqrt()), &[0.25; 7][..]));
}
