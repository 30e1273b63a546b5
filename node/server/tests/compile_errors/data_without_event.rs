//= a handler of this kind handles no event
//= connect handlers and middlewares can take what the client sent when it connected: `Auth<T>`

use fanfare::{Auth, Data, Io};

fn main() {
    let io = Io::new();
    #[cfg(wrong)]
    io.on_connect(async |Data(_name): Data<String>| {});
    #[cfg(not(wrong))]
    io.on_connect(async |Auth(_name): Auth<String>| {});
}
