//! The loop. It reads from top to bottom: a fit is epochs, an epoch is training and validation, each of
//! those is batches.

use super::callback::Callbacks;
use super::checkpoint::Checkpoint;
use super::checkpoints::Pause;
use super::event::{Event, Flow, RunKind, Signal, Span};
use super::trainer::{Phase, Trainer};
use crate::{Error, ErrorKind, Result};

/// Who ends a fit whose values are no longer finite.
const NON_FINITE: &str = "non_finite";

/// The order in which things happen; how each is done is the trainer's.
pub(crate) struct Run<'a> {
    trainer: &'a mut Trainer,
    callbacks: &'a mut Callbacks,
}

impl<'a> Run<'a> {
    pub(crate) fn new(trainer: &'a mut Trainer, callbacks: &'a mut Callbacks) -> Self {
        Self { trainer, callbacks }
    }

    /// Trains for the epochs that the trainer has planned, or for those that are left after the checkpoint `from`.
    pub(crate) fn fit(mut self, kind: RunKind, from: Option<&Checkpoint>) -> Result<()> {
        self.callbacks.listen(kind);
        self.trainer.begin(kind);
        if let Some(from) = from {
            self.trainer.resume(from)?;
        }
        let flow = self.span(Span::Fit, |run| {
            if let Some(from) = from {
                // Again, since a hook may have changed something before the fit.
                run.trainer.restore(from)?;
                run.callbacks.load_states(from)?;
            }
            let flow = run.epochs();
            let over = matches!(flow, Ok(()) | Err(Signal::Cancel(Span::Fit)));
            if over && run.trainer.between_epochs() {
                run.trainer.check_budget()?;
                run.trainer.save_checkpoint(run.callbacks, Pause::End);
            }
            flow
        });
        self.end(flow)
    }

    /// Only the validation pass.
    pub(crate) fn validate(mut self) -> Result<()> {
        self.callbacks.listen(RunKind::Validate);
        self.trainer.begin(RunKind::Validate);
        let flow = self.span(Span::Fit, |run| run.span(Span::Validate, Self::valid_batches));
        self.end(flow)
    }

    fn epochs(&mut self) -> Flow {
        while self.trainer.next_epoch() {
            self.span(Span::Epoch, Self::epoch)?;
            if !self.trainer.is_last_epoch() {
                self.pause(Pause::Epoch)?;
            }
        }
        Ok(())
    }

    fn epoch(&mut self) -> Flow {
        if !self.trainer.reenters_validation() {
            self.span(Span::Train, Self::train_batches)?;
        }
        self.span(Span::Validate, Self::valid_batches)
    }

    fn train_batches(&mut self) -> Flow {
        if !self.callbacks.anybody_looks_at_model() {
            self.trainer.defer_steps();
        }
        while self.trainer.next_train_batch() {
            self.span(Span::Batch, Self::train_batch)?;
            self.pause(Pause::TrainBatch)?;
        }
        Ok(())
    }

    fn train_batch(&mut self) -> Flow {
        self.trainer.mark_batch();
        if !self.callbacks.anybody_inside_step() {
            self.trainer.forward()?;
            self.trainer.compute_loss()?;
            self.trainer.backward()?;
            if self.examine()? {
                self.trainer.step()?;
            }
            return Ok(());
        }
        self.trainer.forward()?;
        self.emit(Event::AfterPred)?;
        self.trainer.compute_loss()?;
        self.emit(Event::AfterLoss)?;
        self.span(Span::Backward, |run| Ok(run.trainer.backward()?))?;
        if self.examine()? && self.trainer.step_is_due() {
            self.span(Span::Step, |run| Ok(run.trainer.apply_gradients()?))?;
            self.trainer.zero_grad();
        }
        Ok(())
    }

    fn valid_batches(&mut self) -> Flow {
        while self.trainer.next_valid_batch() {
            self.span(Span::Batch, |run| {
                run.trainer.forward()?;
                run.emit(Event::AfterPred)?;
                run.trainer.compute_loss()?;
                run.emit(Event::AfterLoss)?;
                let examined = run.trainer.examine_validation();
                examined.map_err(|signal| run.trainer.blame(signal, NON_FINITE, Event::AfterLoss))?;
                Ok(run.trainer.update_metrics()?)
            })?;
            self.pause(Pause::ValidBatch)?;
        }
        Ok(())
    }

    /// Whether the gradients may go into a step.
    fn examine(&mut self) -> Result<bool, Signal> {
        let examined = self.trainer.examine();
        examined.map_err(|signal| self.trainer.blame(signal, NON_FINITE, Event::After(Span::Backward)))
    }

    /// After a batch or an epoch: the places where a fit is saved, and where it can be left and entered again.
    fn pause(&mut self, pause: Pause) -> Flow {
        let stop = self.trainer.stop.is_raised();
        if self.trainer.run_kind() == RunKind::Fit {
            self.trainer.save_checkpoint(self.callbacks, if stop { Pause::Stop } else { pause });
        }
        if stop { Err(Signal::Stop) } else { Ok(()) }
    }

    /// Runs `body` between the span's events, of which a span that goes on has had the first. The only place where a cancel
    /// is caught.
    fn span(&mut self, span: Span, body: impl FnOnce(&mut Self) -> Flow) -> Flow {
        let flow = if self.trainer.reenter(span) {
            body(self)
        } else {
            self.trainer.open(span);
            self.emit(Event::Before(span)).and_then(|()| body(self))
        };
        let flow = match flow {
            Err(Signal::Cancel(at)) if at == span => {
                self.trainer.cancelled(span);
                self.emit(Event::AfterCancel(span))
            }
            other => other,
        };
        if flow.is_err() && span != Span::Fit {
            // An outer span deals with it; this one only leaves the list of open spans.
            self.trainer.abandon(span);
            return flow;
        }
        match &flow {
            Err(Signal::Fail(error)) => self.trainer.failed(error),
            Err(Signal::Stop) => self.trainer.interrupted(),
            _ => {}
        }
        self.trainer.close(span);
        let flow = match (flow, self.emit(Event::After(span))) {
            // What goes wrong while the files are closed must not be lost.
            (Err(Signal::Stop), Err(signal)) => Err(signal),
            (flow, after) => flow.and(after),
        };
        if let Err(Signal::Fail(error)) = &flow {
            self.trainer.failed(error);
        }
        flow
    }

    fn emit(&mut self, event: Event) -> Flow {
        let training = self.trainer.phase() == Phase::Train;
        let mut flow = Ok(());
        for callback in self.callbacks.listening(event, training) {
            if let Err(signal) = callback.handle(event, self.trainer) {
                let signal = self.trainer.blame(signal, callback.name(), event);
                let goes_on = match event {
                    // The last event comes to everybody: it hands back the best model and closes files.
                    Event::After(Span::Fit) => true,
                    Event::After(Span::Epoch) => {
                        self.trainer.all_see_epochs_end && matches!(signal, Signal::Cancel(_))
                    }
                    _ => false,
                };
                // An error says more than that the fit was to end here.
                if !matches!(flow, Err(Signal::Fail(_))) {
                    flow = Err(signal);
                }
                if !goes_on {
                    break;
                }
            }
        }
        flow
    }

    fn end(self, flow: Flow) -> Result<()> {
        self.trainer.end();
        match flow {
            Ok(()) => Ok(()),
            Err(Signal::Fail(error)) => Err(error),
            Err(Signal::Stop) => match self.trainer.run_kind() {
                RunKind::Fit => Ok(()),
                RunKind::LrFind => Err(ErrorKind::Interrupted("lr_find").into()),
                _ => Err(ErrorKind::Interrupted("validate").into()),
            },
            // `blame` has turned the cancel of a span that is not open into an error.
            Err(Signal::Cancel(span)) => Err(Error::training(format!("a cancel of {span:?} left the loop"))),
        }
    }
}
