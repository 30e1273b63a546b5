//! Entering a namespace: limits first, then the namespace is found or made, and then it decides.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use actix::{AsyncContext, Handler, Message};
use futures_util::FutureExt;

use super::state::Connection;
use crate::metrics::Limit;
use crate::namespace::{Connect, NamespaceAttempt, NoEntry, Opening, Visit, namespace_here, send_refusal};
use crate::options::ms;

type Ctx = actix::Context<Connection>;

/// Sent by the task that asked the program whether there is such a namespace.
#[derive(Message)]
#[rtype(result = "()")]
struct Opened {
    name: Arc<str>,
    auth: Option<Arc<str>>,
    visit: Result<Visit, NoEntry>,
}

impl Connection {
    /// The client asks to enter a namespace.
    pub(super) fn enter(&mut self, name: &str, auth: Option<&str>, ctx: &mut Ctx) {
        if !self.hub.namespaces.may_have(name) {
            return self.refuse(name, NoEntry::Unknown.message());
        }
        if let Err(refusal) = self.check_limits(auth) {
            return self.refuse(name, &refusal);
        }
        self.namespaces.tidy(ms(self.hub.node.options.left_namespace_grace_ms));
        let attempt =
            NamespaceAttempt { name: name.into(), auth: auth.map(Into::into), link: self.link.clone() };
        let (name, auth) = (attempt.name.clone(), attempt.auth.clone());
        let mut asked = match self.hub.namespaces.open(attempt) {
            Opening::Now(visit) => return self.opened(Opened { name, auth, visit }, ctx),
            Opening::Later(asked) => asked,
        };
        // Most programs decide without waiting.
        if let Poll::Ready(visit) = asked.poll_unpin(&mut Context::from_waker(Waker::noop())) {
            return self.opened(Opened { name, auth, visit }, ctx);
        }
        self.namespaces.inquire(&name);
        self.may_be_busy = true;
        let connection = ctx.address();
        let patience = ms(self.hub.node.options.connect_timeout_ms);
        actix_rt::spawn(async move {
            let visit = tokio::time::timeout(patience, asked).await.unwrap_or(Err(NoEntry::Unknown));
            connection.do_send(Opened { name, auth, visit });
        });
    }

    fn check_limits(&self, auth: Option<&str>) -> Result<(), String> {
        let (limits, metrics) = (&self.hub.node.options.limits, &self.hub.node.metrics);
        let max = limits.namespaces_per_connection_max;
        if max > 0 && self.namespaces.occupied() >= max {
            metrics.limits.of(Limit::Namespaces).increment();
            return Err("too many namespaces".into());
        }
        let max = limits.auth_bytes_max;
        if max > 0 && auth.is_some_and(|auth| auth.len() > max) {
            metrics.limits.of(Limit::Auth).increment();
            return Err(format!("auth is too large: it may have at most {max} bytes"));
        }
        Ok(())
    }

    fn refuse(&self, name: &str, refusal: &str) {
        let metrics = &self.hub.node.metrics;
        metrics.rejections.increment();
        send_refusal(metrics, &self.link, name, refusal, None);
    }

    /// The namespace is there, or will not be.
    fn opened(&mut self, opened: Opened, ctx: &mut Ctx) {
        let Opened { name, auth, visit } = opened;
        let visit = match visit {
            Ok(visit) => visit,
            Err(refusal) => return self.refuse(&name, refusal.message()),
        };
        let namespace = visit.namespace().clone();
        let connection = ctx.address().recipient();
        let connect =
            Connect { link: self.link.clone(), auth: auth.as_deref().map(Into::into), connection, visit };
        if let Some(supervisor) = namespace_here(&namespace) {
            supervisor.do_send(connect);
            self.namespaces.ask(namespace);
        }
    }
}

impl Handler<Opened> for Connection {
    type Result = ();

    fn handle(&mut self, opened: Opened, ctx: &mut Ctx) {
        if self.session.is_open() {
            self.namespaces.forget(&opened.name);
            self.opened(opened, ctx);
        }
    }
}
