//! What the trainer does where a span of the loop begins and ends.

use std::time::Instant;

use super::{Phase, Trainer};
use crate::Error;
use crate::learner::event::{Event, RunKind, Signal, Span};
use crate::learner::history::EpochRow;
use crate::learner::outcome::{Cancel, Outcome};

impl Trainer {
    /// Whether a batch is under way: not in its `after_batch` any more.
    pub fn is_in_batch(&self) -> bool {
        self.open.contains(&Span::Batch)
    }

    pub(crate) fn open(&mut self, span: Span) {
        self.open.push(span);
        match span {
            Span::Epoch => {
                self.started[0] = Instant::now();
                self.history.rows.push(EpochRow { epoch: self.progress.epoch, ..EpochRow::default() });
            }
            Span::Train => {
                self.started[1] = Instant::now();
                self.phase = Phase::Train;
                self.look_ahead();
                self.train.start(self.counters.epochs);
                self.counters.epochs += 1;
                self.progress.iter = 0;
                self.progress.n_iter = self.train.batches();
                self.history.reserve(self.progress.n_iter);
            }
            Span::Validate => {
                self.started[1] = Instant::now();
                self.phase = Phase::Validate;
                self.valid.start(0);
                self.progress.iter = 0;
                self.progress.n_iter = self.valid.batches();
                self.valid_loss = (0.0, 0);
                self.metrics.iter_mut().for_each(|metric| metric.reset());
            }
            _ => {}
        }
    }

    /// The span has ended, cancelled or not; its `after` event follows.
    pub(crate) fn close(&mut self, span: Span) {
        self.open.pop();
        match span {
            Span::Batch => {
                self.progress.iter += 1;
                if self.phase == Phase::Train {
                    self.progress.train_iter += 1;
                    self.counters.steps += 1;
                }
            }
            Span::Train => {
                self.leave_training();
                if let Some(row) = self.history.rows.last_mut().filter(|_| !self.history.losses.is_empty()) {
                    row.train_loss = Some(f64::from(self.history.smooth.value()));
                }
            }
            Span::Validate => self.close_validation(),
            Span::Epoch => {
                self.history.iters.push(self.progress.train_iter);
                if let Some(row) = self.history.rows.last_mut() {
                    row.seconds = self.started[0].elapsed().as_secs_f64();
                }
            }
            Span::Fit => self.close_fit(),
            Span::Backward | Span::Step => {}
        }
    }

    /// Before the batches of an epoch.
    pub(super) fn look_ahead(&mut self) {
        self.next.forget();
        self.model.look_ahead(&self.next);
    }

    fn leave_training(&mut self) {
        self.stop_deferring();
        self.timings.train += self.started[1].elapsed();
        self.phase = Phase::Validate;
    }

    fn close_validation(&mut self) {
        self.timings.validate += self.started[1].elapsed();
        let (sum, rows) = self.valid_loss;
        let whole = self.progress.iter == self.progress.n_iter && rows > 0;
        let loss = f64::from((sum / rows.max(1) as f64) as f32);
        self.valid_record = std::iter::once(loss).chain(self.metrics.iter().map(|m| m.value())).collect();
        if self.kind == RunKind::Validate {
            return;
        }
        let Some(row) = self.history.rows.last_mut() else { return };
        // A validation that was cut short would be compared with whole ones.
        row.valid_loss = whole.then_some(loss);
        row.metrics = self.valid_record[1..].iter().map(|value| whole.then_some(*value)).collect();
    }

    fn close_fit(&mut self) {
        if self.history.iters.len() < self.history.rows.len() && self.kind != RunKind::Validate {
            // The epoch under way never ended.
            self.history.rows.pop();
        }
        if self.outcome != Outcome::Running {
            return;
        }
        // Where several ended it at once, the first of them did.
        let cancel = self.cancels.iter().find(|cancel| cancel.span == Span::Fit);
        self.outcome = cancel.map_or(Outcome::Completed, |cancel| Outcome::Cancelled(cancel.clone()));
    }

    /// A signal for an outer span passes through this one.
    pub(crate) fn abandon(&mut self, span: Span) {
        self.open.pop();
        match span {
            Span::Train => self.leave_training(),
            Span::Validate => self.timings.validate += self.started[1].elapsed(),
            Span::Batch if self.phase == Phase::Train => {
                self.progress.train_iter += 1;
                self.counters.steps += 1;
            }
            _ => {}
        }
    }

    /// Before the event that says so.
    pub(crate) fn cancelled(&mut self, span: Span) {
        match span {
            // Leaves `iter` short of `n_iter`, even when the last batch was the one that cancelled.
            Span::Validate => self.progress.n_iter = usize::MAX,
            Span::Train => self.stop_deferring(),
            _ => {}
        }
    }

    pub(crate) fn failed(&mut self, error: &Error) {
        self.outcome = Outcome::Failed(error.to_string());
    }

    /// The stop flag has ended the run between two batches.
    pub(crate) fn interrupted(&mut self) {
        self.outcome = Outcome::Interrupted;
    }

    /// Says who sent the signal and when; a cancel of a span that is not open becomes an error.
    pub(crate) fn blame(&mut self, signal: Signal, by: &str, at: Event) -> Signal {
        let wrap = |source: Error| {
            let event = at.to_string();
            Signal::Fail(crate::ErrorKind::Callback { callback: by.to_string(), event, source }.into())
        };
        match signal {
            Signal::Fail(error) => wrap(error),
            Signal::Stop => {
                wrap(Error::training("a hook cannot stop in the middle of a batch; raise the stop flag"))
            }
            Signal::Cancel(span) if !self.open.contains(&span) || at == Event::AfterCancel(span) => {
                wrap(Error::training(format!("it cancelled {span:?}, which is not running")))
            }
            Signal::Cancel(span) => {
                let reason = self.reason.take().unwrap_or_default();
                self.cancels.push(Cancel {
                    span,
                    by: by.to_string(),
                    at,
                    epoch: self.progress.epoch,
                    reason,
                });
                signal
            }
        }
    }

    pub(crate) fn end(&mut self) {
        self.console.end_bar();
        self.next.forget();
        self.phase = Phase::Validate;
    }
}
