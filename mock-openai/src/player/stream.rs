//! The `stream` step: a whole completion, frame by frame.

use super::{Halt, Player, counters, head::Kind, trips::Origin};
use crate::{
    content::{Completion, Finish, Tokens, text_of},
    dialect::{Envelope, openai_chat},
    made_up::MadeUp,
    script::{Stream, Usage},
    wire::Wire,
};

/// The model that answers where the request names none.
const MODEL_DEFAULT: &str = "gpt-4o";

impl<W: Wire> Player<'_, W> {
    /// A request that wants no stream gets the same content as one JSON text, at once.
    pub(super) async fn stream(&mut self, step: &Stream, terminator: bool) -> Result<(), Halt> {
        let (completion, tokens) = self.completion(step);
        let envelope = self.envelope();
        if !self.request.wants_stream() {
            return self.whole(openai_chat::whole(&envelope, &completion, tokens)).await;
        }
        let outer = self.trips.count();
        if let Some(stop) = step.stop {
            let origin = Origin {
                bytes: self.progress.bytes,
                frames: self.progress.frames,
                began: tokio::time::Instant::now(),
            };
            self.trips.arm(stop.after, stop.end, origin);
            self.in_stream = true;
            self.check_trips()?;
        }
        self.in_stream = true;
        let done = terminator.then_some(openai_chat::DONE);
        let frames = openai_chat::frames(&envelope, &completion).chain(done);
        for (index, frame) in frames.enumerate() {
            if let Some(every) = step.every.filter(|_| index > 0) {
                self.pause(&every, index as u64).await?;
            }
            self.put(frame, Kind::Events).await?;
        }
        self.in_stream = false;
        self.trips.keep(outer);
        Ok(())
    }

    fn completion(&self, step: &Stream) -> (Completion, Tokens) {
        let identity = &self.answering.identity;
        let text = step.text.as_deref().map(|text| counters::fill(text, self.counter));
        let made_up = MadeUp {
            seed: identity.seed,
            label: identity.label("words"),
            client: identity.client.clone(),
            pieces: 0,
            size: None,
        };
        let text = text_of(step, text.as_deref(), made_up);
        let tokens = Tokens { prompt: self.request.prompt_words(), completion: text.pieces() };
        let told = match step.usage {
            Usage::Auto => self.request.wants_usage(),
            Usage::Always => true,
            Usage::Never => false,
        };
        (Completion { text, finish: Finish::Stop, usage: told.then_some(tokens) }, tokens)
    }

    /// What stands on a preset inside an answer: the answer's own id, model and time.
    pub(super) fn preset_envelope(&self) -> Envelope {
        self.envelope()
    }

    fn envelope(&self) -> Envelope {
        let identity = &self.answering.identity;
        Envelope {
            id: identity.completion_id(),
            created: self.answering.created,
            model: self.request.model().unwrap_or(MODEL_DEFAULT).to_owned(),
            fingerprint: identity.fingerprint(),
        }
    }
}
