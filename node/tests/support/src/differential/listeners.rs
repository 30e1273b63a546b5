//! Listeners that steps declare: they write what they hear to the log, under a tag.

use fanfare::{Ack, Arguments, EventName, SocketError, Value};
use serde_json::json;

use super::interpreter::values;
use super::steps::{Context, readable, text, transport};

impl Context {
    /// Declares or removes a listener; false if the method is none of these.
    pub fn listen(&self, method: &str, args: &[Value]) -> bool {
        let socket = &self.socket;
        match method {
            "on" => drop(socket.on(text(args), self.hear(text(args), text(&args[1..])))),
            "once" => drop(socket.once(text(args), self.hear(text(args), text(&args[1..])))),
            "off" => socket.off(text(args)),
            "onAny" => drop(socket.on_any(self.hear_any(text(args)))),
            "prependAny" => drop(socket.prepend_any(self.hear_any(text(args)))),
            "offAny" => socket.off_any(),
            "onAnyOutgoing" => self.hear_outgoing(text(args)),
            "offAnyOutgoing" => socket.off_any_outgoing(),
            "use" => self.screen(&args[0]),
            "onError" => self.hear_errors(text(args)),
            "onUpgrade" => self.hear_upgrade(text(args)),
            _ => return false,
        }
        true
    }

    fn hear(
        &self,
        event: &str,
        tag: &str,
    ) -> impl AsyncFn(Arguments, Ack) -> Result<(), fanfare::EmitError> + use<> {
        let (context, name, tag) = (self.clone(), event.to_owned(), tag.to_owned());
        async move |args: Arguments, ack: Ack| {
            context
                .log(json!({ "what": "heard", "tag": tag, "event": name, "args": readable(&values(&args)) }));
            ack.send(&tag)
        }
    }

    fn hear_any(&self, tag: &str) -> impl AsyncFn(EventName, Arguments) + use<> {
        let (context, tag) = (self.clone(), tag.to_owned());
        async move |EventName(event): EventName, args: Arguments| {
            context.log_event("any", &tag, &event, &args)
        }
    }

    fn hear_outgoing(&self, tag: &str) {
        let (context, tag) = (self.clone(), tag.to_owned());
        self.socket.on_any_outgoing(async move |EventName(event): EventName, args: Arguments| {
            context.log_event("outgoing", &tag, &event, &args);
        });
    }

    /// What serves the harness itself is left out.
    fn log_event(&self, what: &str, tag: &str, event: &str, args: &Arguments) {
        if !["do", "ack", "$fence"].contains(&event) {
            let args = readable(&values(args));
            self.log(json!({ "what": what, "tag": tag, "event": event, "args": args }));
        }
    }

    /// Middleware that logs events, waits for a gate, and refuses an event.
    fn screen(&self, wanted: &Value) {
        let (context, wanted) = (self.clone(), wanted.clone());
        self.socket.middleware(
            async move |EventName(event): EventName, args: Arguments| -> Result<(), String> {
                let told = |key: &str| wanted.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
                context.log_event("middleware", &told("tag"), &event, &args);
                if let Some(gate) = wanted
                    .get("gate")
                    .filter(|gate| gate.get("event").and_then(Value::as_str) == Some(&event))
                {
                    context.wait(gate.get("name").and_then(Value::as_str).unwrap_or_default()).await;
                }
                if told("refuse") == event { Err(told("message")) } else { Ok(()) }
            },
        );
    }

    fn hear_errors(&self, tag: &str) {
        let (context, tag) = (self.clone(), tag.to_owned());
        self.socket.on_error(async move |error: SocketError| {
            let message = match error {
                SocketError::Refused { reason, .. } => reason,
                _ => "(invalid packet)".to_owned(),
            };
            context.log(json!({ "what": "error", "tag": tag, "message": message }));
        });
    }

    fn hear_upgrade(&self, tag: &str) {
        let (context, tag, conn) = (self.clone(), tag.to_owned(), self.socket.conn());
        tokio::spawn(async move {
            if conn.upgraded().await {
                context
                    .log(json!({ "what": "upgrade", "tag": tag, "transport": transport(conn.transport()) }));
            }
        });
    }
}
