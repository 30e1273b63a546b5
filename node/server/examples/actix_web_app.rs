//! Fanfare beside an application of actix-web, in one program: two servers on two ports, and one handle that both use.
//!
//! ```sh
//! cargo run -p fanfare --example actix_web_app
//! curl -d 'it rains' http://127.0.0.1:3000/news     # every client of http://127.0.0.1:3001 hears it
//! ```

use std::net::TcpListener;

use actix_web::dev::Server;
use actix_web::{App, HttpResponse, HttpServer, web};
use fanfare::{Cors, Data, Io, Options, Socket};

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt().init();
    let io = node("http://127.0.0.1:3000");
    io.listen("127.0.0.1:3001").await?; // on threads of its own
    let application = serve(&io, TcpListener::bind("127.0.0.1:3000")?)?;
    println!("the application is at http://127.0.0.1:3000, Socket.IO at http://127.0.0.1:3001");
    application.await?; // until Ctrl-C
    io.drain().await;
    Ok(())
}

/// Socket.IO for the pages of the application: on another port they are of another origin.
pub fn node(origin: &str) -> Io {
    let cors = Cors { origins: vec![origin.into()], ..Cors::default() };
    let io = Io::builder().options(Options { cors: Some(cors), ..Options::default() }).build();
    io.on("say", async |socket: Socket, Data(text): Data<String>| socket.broadcast().emit("said", text));
    io
}

/// The application. Its handlers have the handle.
pub fn serve(io: &Io, listener: TcpListener) -> std::io::Result<Server> {
    let io = web::Data::new(io.clone());
    let app = move || {
        let clients = web::get().to(async |io: web::Data<Io>| io.local_sockets().len().to_string());
        App::new().app_data(io.clone()).route("/news", web::post().to(publish)).route("/clients", clients)
    };
    Ok(HttpServer::new(app).workers(2).listen(listener)?.run())
}

/// Tells all clients.
async fn publish(io: web::Data<Io>, text: String) -> HttpResponse {
    match io.emit("news", text) {
        Ok(()) => HttpResponse::NoContent().finish(),
        // Of an emit that fails nothing was sent.
        Err(_) => HttpResponse::ServiceUnavailable().finish(),
    }
}
