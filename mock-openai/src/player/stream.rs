//! The `stream` step: a whole completion, frame by frame.

use serde_json::Value;

use super::{Halt, Player, counters, head::Kind, trips::Origin};
use crate::{
    content::{self, Asked, Completion, clip},
    dialect::{self, Dialect, Envelope, Padding, Settings},
    script::{self, Stream, Usage},
    wire::Wire,
};

/// The model that answers where the request names none.
const MODEL_DEFAULT: &str = "gpt-4o";

impl<W: Wire> Player<'_, W> {
    /// A request that wants no stream gets the same content as one JSON text, at once. Without the
    /// terminator the last frame is left out, whatever the dialect has for it.
    pub(super) async fn stream(&mut self, step: &Stream, terminator: bool) -> Result<(), Halt> {
        let dialect = dialect::named(self.dialect(step.dialect));
        let completion = self.completion(step);
        let envelope = self.envelope(dialect, step, &completion);
        if !self.request.wants_stream() {
            return self.whole(dialect.whole(&envelope, &completion)).await;
        }
        let outer = self.trips.count();
        if let Some(stop) = step.stop {
            let origin = Origin {
                bytes: self.progress.bytes,
                frames: self.progress.frames,
                began: tokio::time::Instant::now(),
            };
            self.trips.arm(stop.after, stop.end, origin);
            self.terminator = dialect.terminator();
            self.check_trips()?;
        }
        self.terminator = dialect.terminator();
        let mut frames = dialect.frames(&envelope, &completion).peekable();
        let mut index = 0;
        while let Some(frame) = frames.next() {
            if !terminator && frames.peek().is_none() {
                break;
            }
            if let Some(every) = step.every.filter(|_| index > 0) {
                self.pause(&every, index).await?;
            }
            self.put(frame, Kind::Events).await?;
            index += 1;
        }
        self.terminator = None;
        self.trips.keep(outer);
        Ok(())
    }

    /// What stands on a preset inside an answer: the answer's own id, model and time.
    pub(super) fn preset_envelope(&self) -> Envelope {
        let dialect = dialect::named(self.dialect(None));
        self.envelope(dialect, &Stream::default(), &Completion::default())
    }

    fn dialect(&self, named: Option<script::Dialect>) -> script::Dialect {
        named.unwrap_or_else(|| dialect::of_path(self.request.head.path()))
    }

    fn completion(&self, step: &Stream) -> Completion {
        let fill = |text: &str| counters::fill(text, self.counter).into_owned();
        let asked = Asked {
            body: self.request.json(),
            prompt: self.request.prompt_words(),
            identity: &self.answering.identity,
            fill: &fill,
        };
        content::completion(step, &asked)
    }

    fn envelope(&self, dialect: &dyn Dialect, step: &Stream, completion: &Completion) -> Envelope {
        let identity = &self.answering.identity;
        let body = self.request.json();
        let (id, items) = dialect.ids(identity, completion);
        let model = self.request.model().unwrap_or(MODEL_DEFAULT);
        let usage_chunk = match step.usage {
            Usage::Auto => self.request.wants_usage(),
            Usage::Always => true,
            Usage::Never => false,
        };
        let is_padded = step.obfuscation && !declines_obfuscation(body);
        let (seed, label) = (identity.seed, identity.label("obfuscation"));
        Envelope {
            id,
            items,
            created: self.answering.unix.as_secs(),
            model: clip(model, dialect::MODEL_BYTES_MAX).to_owned(),
            fingerprint: identity.fingerprint(),
            usage_chunk,
            null_usage: step.null_usage,
            obfuscation: is_padded.then_some(Padding { seed, label }),
            first_sequence_number: self.progress.frames,
            settings: Settings::of(body),
        }
    }
}

fn declines_obfuscation(body: Option<&Value>) -> bool {
    let options = body.and_then(|body| body.get("stream_options"));
    options.and_then(|options| options.get("include_obfuscation")) == Some(&Value::Bool(false))
}
