//! Fanfare in other servers, or beside them.

use std::net::SocketAddr;

use fanfare::{Io, Options};
use tokio::net::{TcpListener, TcpStream};

use super::{actix_web_app, axum_app, exchange, hyper_app};
use crate::client::{Client, Http, head};
use crate::support::serve;

/// Two servers in one program: a route of one emits through the other.
#[actix_web::test]
async fn an_application_of_actix_web_has_sockets_beside_it() {
    let origin = "http://application.example";
    let io = actix_web_app::node(origin);
    let sockets = serve(&io).await;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let routes = format!("http://{}", listener.local_addr().expect("an address"));
    let application = actix_web_app::serve(&io, listener).expect("it starts");
    let handle = application.handle();
    let running = tokio::spawn(application);

    let mut http = Http::connect(&sockets).await;
    let open = http.get_with("/socket.io/?EIO=4&transport=polling", &format!("origin: {origin}\r\n")).await;
    let allowed = format!("access-control-allow-origin: {origin}");
    assert!(open.headers.contains(&allowed), "{open:?}");
    let mut client = Client::connect(&sockets).await;
    let mut http = Http::connect(&routes).await;
    assert_eq!(http.get("/clients").await.body, "1");
    assert_eq!(http.get("/socket.io/?EIO=4&transport=polling").await.status, 404);
    assert_eq!(http.post("/news", "it rains").await.status, 204);
    assert_eq!(client.receive().await.text, r#"2["news","it rains"]"#);

    // Ending one leaves the other as it is.
    handle.stop(true).await;
    running.await.expect("it does not panic").expect("it ends well");
    io.emit("news", "the application is gone").expect("it is sent");
    assert_eq!(client.receive().await.text, r#"2["news","the application is gone"]"#);
    drop(client);
    io.close().await;
}

/// The routes and the sockets of one application, behind one auth layer.
#[tokio::test]
async fn an_axum_application_has_sockets_too() {
    let io = Io::builder().options(Options { reactors: 1, ..Options::default() }).build();
    axum_app::install(&io);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let app = axum_app::app(&io).into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, app).await });

    let mut http = Http::connect(&format!("http://{address}")).await;
    for path in ["/news/count", "/socket.io/?EIO=4&transport=polling"] {
        assert_eq!(http.get(path).await.status, 401, "{path}");
    }
    let stream = TcpStream::connect(address).await.expect("a server");
    let mut client = Client::over_with(stream, "", &[("authorization", "Bearer Ada")]).await;
    client.enter().await;
    exchange(&mut client, r#"27["whoami"]"#, r#"37["Ada"]"#).await;
    let length = "content-length: 8\r\nauthorization: Bearer Grace\r\n";
    http.write(format!("{}it rains", head("POST", "/news", length)).as_bytes()).await;
    assert_eq!(http.answer().await.expect("an answer").status, 204);
    assert_eq!(client.receive().await.text, r#"2["news","Grace","it rains"]"#);
    let count = http.get_with("/news/count", "authorization: Bearer Ada\r\n").await;
    assert_eq!(count.body, "1");
    drop(client);
    io.close().await;
}

#[tokio::test]
async fn a_program_of_hyper_keeps_its_own_answers() {
    let io = Io::builder().options(Options { reactors: 1, ..Options::default() }).build();
    hyper_app::install(&io);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let serving = io.clone();
    tokio::spawn(async move { hyper_app::serve(&serving, listener).await });
    assert_eq!(Http::connect(&url).await.get("/").await.body, "hello from hyper");
    let mut client = Client::connect(&url).await;
    exchange(&mut client, r#"27["add",1,2]"#, "37[3]").await;
    drop(client);
    io.close().await;
}
