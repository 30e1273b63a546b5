//= the trait bound `Point: serde::Deserialize<'de>` is not satisfied
//= consider adding `#[derive(serde::Deserialize)]` to your `Point` type

use fanfare::{Data, Io};

#[cfg(wrong)]
struct Point;
#[cfg(not(wrong))]
type Point = (f64, f64);

fn main() {
    let io = Io::new();
    io.on("point", async |Data(_point): Data<Point>| {});
}
