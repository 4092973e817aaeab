//! Error chains: [`in_full`] joins an error and its causes to one text, [`WithCauses`] adds the causes to JSON log
//! lines.
use serde_json::Value;
use std::{error::Error, fmt, fmt::Write};
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    fmt::{FmtContext, FormatEvent, FormatFields, format::Writer},
    registry::LookupSpan,
};

/// Returns an error and its causes, outermost first: `the sqlite backend failed: database or disk is full`.
pub fn in_full(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        // Writing into a string cannot fail.
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    text
}

/// A log format of JSON lines in which each error field includes its causes. The JSON format of `tracing-subscriber`
/// writes only the outermost error: that a store failed, but not that the disk is full. Its text format includes the
/// causes.
pub struct WithCauses<F>(pub F);

impl<S, N, F> FormatEvent<S, N> for WithCauses<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut to: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut causes = Causes::default();
        event.record(&mut causes);
        if causes.0.is_empty() {
            return self.0.format_event(context, to, event);
        }
        let mut line = String::new();
        self.0.format_event(context, Writer::new(&mut line), event)?;
        let Ok(Value::Object(mut fields)) = serde_json::from_str(&line) else { return to.write_str(&line) };
        fields.extend(causes.0.into_iter().map(|(name, text)| (name.to_owned(), text.into())));
        writeln!(to, "{}", Value::Object(fields))
    }
}

/// Collects the error fields of a log event that have a cause.
#[derive(Default)]
struct Causes(Vec<(&'static str, String)>);

impl Visit for Causes {
    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        if value.source().is_some() {
            self.0.push((field.name(), in_full(value)));
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        io,
        sync::{Arc, Mutex},
    };
    use tracing_subscriber::layer::SubscriberExt;

    #[derive(Debug, thiserror::Error)]
    #[error("the store failed")]
    struct Outer(#[source] io::Error);

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_of_the_log_names_every_cause() {
        let (lines, error) = (Lines::default(), Outer(io::Error::other("the disk is full")));
        let written = lines.clone();
        let layer = tracing_subscriber::fmt::layer().with_writer(move || written.clone());
        let layer = layer.json().flatten_event(true).map_event_format(WithCauses);
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            tracing::info_span!("request", id = 7).in_scope(|| {
                tracing::error!(error = &error as &dyn Error, count = 3, "commit failed");
                tracing::error!(count = 4, "something else");
            });
        });
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 2, "{text}");
        assert_eq!(lines[0]["error"], "the store failed: the disk is full");
        assert_eq!((&lines[0]["count"], &lines[0]["message"]), (&3.into(), &"commit failed".into()));
        assert_eq!((&lines[0]["span"]["id"], &lines[1]["count"]), (&7.into(), &4.into()));
    }
}
