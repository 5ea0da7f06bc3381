//! The whole state of a fit, put into a checkpoint and taken back from one.

use std::time::{Duration, Instant};

use crate::learner::budget::Planner;
use crate::learner::callback::{CallbackState, Callbacks};
use crate::learner::checkpoint::{Checkpoint, FORMAT, Meta, Position, Seconds};
use crate::learner::checkpoints::{Checkpoints, Pause};
use crate::learner::event::{RunKind, Span};
use crate::learner::frame::Frame;
use crate::learner::identity::Identity;
use crate::learner::{Phase, Trainer};
use crate::{Error, Result};

/// Parameters from which on copying them takes longer than waking a thread.
const LARGE: usize = 100_000;

impl Trainer {
    /// Saves the fit if that is due at this pause. What goes wrong is told and does not end it.
    pub(crate) fn save_checkpoint(&mut self, callbacks: &Callbacks, pause: Pause) {
        let Some(mut checkpoints) = self.checkpoints.take() else { return };
        let mut notes = vec![checkpoints.poll()];
        if checkpoints.is_due(pause) {
            let begin = Instant::now();
            let (frame, note) = checkpoints.frame(pause.is_last());
            notes.push(note);
            notes.extend(frame.map(|frame| self.write_checkpoint(callbacks, pause, &mut checkpoints, frame)));
            self.timings.save += begin.elapsed();
        }
        self.checkpoints = Some(checkpoints);
        notes.into_iter().flatten().for_each(|note| self.say(&note));
    }

    fn write_checkpoint(
        &mut self,
        callbacks: &Callbacks,
        pause: Pause,
        checkpoints: &mut Checkpoints,
        mut frame: Frame,
    ) -> Option<String> {
        let last = pause.is_last();
        // The thread that writes wakes up while the frame is filled: it takes a core, which the copy of a large model needs.
        let large = self.model.params().len() >= LARGE;
        if !last && !large {
            self.wake_background();
        }
        frame.clear();
        self.catch_up();
        self.capture_numbers(&mut frame);
        if !last && large {
            self.wake_background();
        }
        match self.capture(callbacks, checkpoints.given(), pause == Pause::End, &mut frame) {
            Ok(()) => checkpoints.write(frame, last, self.background.as_ref()),
            Err(error) => checkpoints.give_up(frame, error, last),
        }
    }

    /// Waits until everything that the fit has saved is on the disk, and keeps the path of its last checkpoint.
    pub(crate) fn finish_saving(&mut self) {
        let begin = Instant::now();
        let finished = self.checkpoints.take().map(Checkpoints::finish);
        let (path, note, left) = finished.unwrap_or_default();
        self.checkpoint = path;
        if let Some(background) = self.background.take() {
            background.stop(move || drop(left));
        }
        self.timings.save += begin.elapsed();
        note.into_iter().for_each(|note| self.say(&note));
    }

    /// Whether the fit stands between two epochs: the place where it can be extended.
    pub(crate) fn between_epochs(&self) -> bool {
        self.open == [Span::Fit] && self.history.iters.len() == self.history.rows.len()
    }

    /// The model's numbers, and the optimizer's.
    fn capture_numbers(&self, frame: &mut Frame) {
        let params = self.model.params();
        let start = frame.copy(&*self.model, &params.values);
        for parameter in params.list() {
            let range = start + parameter.range.start..start + parameter.range.end;
            frame.name(parameter.name.clone(), parameter.shape.clone(), range);
        }
        let start = frame.copy(&*self.model, &params.buffers);
        for buffer in params.buffer_list() {
            let range = start + buffer.range.start..start + buffer.range.end;
            frame.name(buffer.name.clone(), vec![range.len()], range);
        }
        if !params.grads_spent {
            frame.add(&*self.model, "optim.grads".into(), &params.grads);
        }
        for (name, numbers) in self.optimizer.tensors() {
            frame.add(&*self.model, format!("optim.{name}"), numbers);
        }
    }

    /// All else.
    fn capture(
        &self,
        callbacks: &Callbacks,
        (identity, text): (Identity, String),
        finished: bool,
        frame: &mut Frame,
    ) -> Result<()> {
        frame.follow(&self.history, self.turn);
        if self.open.last() == Some(&Span::Validate) {
            // Elsewhere it is spent: the record has the values, and the next validation begins with a reset.
            for metric in &self.metrics {
                frame.add_doubles(format!("metric.{}", metric.name()), &metric.save_state()?);
            }
        }
        frame.add_doubles("validation.loss".into(), &[self.valid_loss.0, self.valid_loss.1 as f64]);
        let guard = self.guard.save_state()?;
        for (name, numbers) in guard.tensors {
            frame.share(format!("non-finite.{name}"), numbers);
        }
        let mut states = std::collections::BTreeMap::new();
        for callback in callbacks.iter() {
            let state =
                callback.save_state().map_err(|source| Callbacks::failed(callback, "save_state", source))?;
            let prefix = Callbacks::prefix(callback.name());
            for (name, numbers) in state.tensors {
                frame.share(format!("{prefix}{name}"), numbers);
            }
            states.insert(callback.name().to_string(), state.values);
        }
        let pass = match self.open.last() {
            Some(Span::Train) => Some(Phase::Train),
            Some(Span::Validate) => Some(Phase::Validate),
            _ => None,
        };
        let at = self.progress;
        let [epoch, pass_began] = self.started.map(|began| began.elapsed().as_secs_f64());
        frame.meta = Some(Meta {
            format: FORMAT,
            identity,
            position: Position {
                n_epoch: self.asked_epochs,
                epoch: self.history.rows.len() - usize::from(pass.is_some()),
                pass,
                iter: at.iter,
                n_iter: at.n_iter,
                train_iter: at.train_iter,
                finished,
            },
            counters: self.counters,
            optimizer_steps: self.optimizer.steps(),
            hypers: self.optimizer.groups().iter().map(|group| group.hypers.clone()).collect(),
            rows: self.history.rows.clone(),
            iters: self.history.iters.clone(),
            smooth: self.history.smooth,
            plans: self.history.plans.clone(),
            planner: self.planner.as_ref().map(Planner::state),
            non_finite: guard.values,
            cancels: self.cancels.clone(),
            monitored: self.description.provenance.monitor.clone(),
            seconds: Seconds {
                train: self.timings.train.as_secs_f64(),
                validate: self.timings.validate.as_secs_f64(),
                save: self.timings.save.as_secs_f64(),
                epoch,
                pass: if pass.is_some() { pass_began } else { 0.0 },
                used: self.watch.seconds(),
            },
            callbacks: states,
            text,
        });
        Ok(())
    }

    /// Begins a fit that goes on from here: hooks know it, and see the record as it was.
    pub(crate) fn resume(&mut self, from: &Checkpoint) -> Result<()> {
        self.resumed = true;
        self.restore(from)
    }

    /// Takes everything back but the callbacks' states. Fails, and changes nothing, when the model is another.
    pub(crate) fn restore(&mut self, from: &Checkpoint) -> Result<()> {
        let params = self.model.params();
        let mut loaded = params.clone();
        for parameter in params.list() {
            loaded.set(&parameter.name, from.floats(&parameter.name, parameter.range.len())?)?;
        }
        for buffer in params.buffer_list() {
            loaded.set(&buffer.name, from.floats(&buffer.name, buffer.range.len())?)?;
        }
        loaded.zero_grad();
        let tensors: Vec<_> = from.floats_under("optim.").filter(|(name, _)| *name != "grads").collect();
        if from.floats.contains_key("optim.grads") {
            loaded.grads.copy_from_slice(from.floats("optim.grads", params.len())?);
            loaded.grads_spent = false;
        }
        let meta = &from.meta;
        if meta.position.pass == Some(Phase::Validate) {
            for metric in &mut self.metrics {
                metric.load_state(&from.doubles(&format!("metric.{}", metric.name())))?;
            }
        }
        self.optimizer.load_state(meta.optimizer_steps, &tensors, &meta.hypers)?;
        let params = self.model.params_mut();
        // Into the memory that is there, which lies in large pages.
        params.values.copy_from_slice(&loaded.values);
        (params.grads, params.buffers, params.grads_spent) =
            (loaded.grads, loaded.buffers, loaded.grads_spent);
        let valid_loss = from.doubles("validation.loss");
        let [sum, rows] = valid_loss[..] else {
            return Err(Error::data("the checkpoint holds no sum of the validation loss"));
        };
        self.valid_loss = (sum, rows as usize);
        let (history, series) =
            (&mut self.history, |name| from.floats.get(name).cloned().unwrap_or_default());
        history.losses = series("history.losses");
        history.smooth_losses = series("history.smooth_losses");
        history.lrs = from.doubles("history.lrs");
        history.moms = from.doubles("history.moms");
        history.rows.clone_from(&meta.rows);
        history.iters.clone_from(&meta.iters);
        history.smooth = meta.smooth;
        history.plans.clone_from(&meta.plans);
        self.watch.go_on(meta.seconds.in_all());
        self.planner.iter_mut().for_each(|planner| planner.resume(meta));
        let tensors = from.floats_under("non-finite.");
        let tensors = tensors.map(|(name, numbers)| (name.to_string(), numbers.into())).collect();
        self.guard.load_state(&CallbackState { values: meta.non_finite.clone(), tensors })?;
        self.counters = meta.counters;
        self.cancels.clone_from(&meta.cancels);
        self.description.provenance.monitor.clone_from(&meta.monitored);
        self.turn += 1;
        self.restore_place(meta);
        Ok(())
    }

    fn restore_place(&mut self, meta: &Meta) {
        let (at, seconds) = (meta.position, meta.seconds);
        let of = |seconds: f64| Duration::try_from_secs_f64(seconds).unwrap_or_default();
        self.timings.train = of(seconds.train);
        self.timings.validate = of(seconds.validate);
        self.timings.save = of(seconds.save);
        let now = Instant::now();
        self.started = [seconds.epoch, seconds.pass].map(|past| now.checked_sub(of(past)).unwrap_or(now));
        let planned = self.progress.n_epoch;
        if at.finished && planned > at.n_epoch {
            // The fit goes on, so nothing has ended it.
            self.cancels.retain(|cancel| cancel.span != Span::Fit);
            // Nor has a plan completed its schedule.
            self.history.plans.clear();
        }
        let over = at.finished && planned == at.n_epoch;
        self.progress.epoch = if over { planned } else { at.epoch };
        (self.progress.iter, self.progress.n_iter) = (at.iter, at.n_iter);
        self.progress.train_iter = at.train_iter;
        self.fresh = true;
        self.reenter = match at.pass {
            None => Vec::new(),
            Some(Phase::Train) => vec![Span::Train, Span::Epoch],
            Some(Phase::Validate) => vec![Span::Validate, Span::Epoch],
        };
    }

    /// Whether `span` was open when the checkpoint was made, so that it goes on instead of beginning.
    pub(crate) fn reenter(&mut self, span: Span) -> bool {
        if self.reenter.last() != Some(&span) {
            return false;
        }
        self.reenter.pop();
        self.open.push(span);
        match span {
            Span::Train => {
                self.phase = Phase::Train;
                self.look_ahead();
                self.train.start(self.counters.epochs.saturating_sub(1));
            }
            Span::Validate => self.valid.start(0),
            _ => {}
        }
        true
    }

    /// The pass that the fit goes on in, before its epoch is entered.
    pub(crate) fn reentered_pass(&self) -> Option<Span> {
        self.reenter.first().copied()
    }

    /// Whether the epoch that goes on is already being validated.
    pub(crate) fn reenters_validation(&self) -> bool {
        self.reenter.last() == Some(&Span::Validate)
    }

    /// Whether the fit goes on from a checkpoint: known from `before_fit` on.
    pub fn is_resumed(&self) -> bool {
        self.resumed && self.run_kind() == RunKind::Fit
    }

    /// Saves a checkpoint after this batch, if the learner keeps checkpoints.
    pub fn ask_for_checkpoint(&mut self) {
        if let Some(checkpoints) = &mut self.checkpoints {
            checkpoints.ask();
        }
    }
}
