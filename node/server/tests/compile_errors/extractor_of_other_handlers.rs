//= a handler of this kind cannot take a `Name`
//= trait `FromContext<EventContext>` is implemented for it

use fanfare::{Context, FromContext, Io, Rejection};

struct Name(String);

#[cfg(wrong)]
impl FromContext<fanfare::EventContext> for Name {
    fn from_context(context: &fanfare::EventContext) -> Result<Self, Rejection> {
        Ok(Self(context.namespace().name().to_owned()))
    }
}

#[cfg(not(wrong))]
impl<C: Context> FromContext<C> for Name {
    fn from_context(context: &C) -> Result<Self, Rejection> {
        Ok(Self(context.namespace().name().to_owned()))
    }
}

fn main() {
    let io = Io::new();
    io.on_connect(async |Name(name): Name| println!("{name}"));
}
