//! What outputs cost on their way out, from the message on: a rule runs, its output waits in a buffer in memory, goes to the
//! other side in batches, and is off when that has answered.
//!
//! `cargo bench -p actions --bench ways_out`, with real other sides in processes of their own, so that their CPU is not ours:
//! PostgreSQL beside the same client without us, an HTTP receiver, Mosquitto. CPU is user and system time of this process.

#[path = "../tests/support/mosquitto.rs"]
mod mosquitto;
#[allow(dead_code, clippy::allow_attributes, reason = "shared with the tests, which use more of it")]
#[path = "../tests/support/postgres.rs"]
mod postgres;

use std::io::Write as _;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use actions::{Connectors, Console, Registry};
use engine::{Engine, EngineConfig, PublishRefused, PublishRequest, Publisher};
use events::{Body, Event, EventId, Kind, MessagePublish, Payload, Timestamp};
use sqlx::postgres::{PgArguments, PgConnectOptions, PgConnection};
use sqlx::{Arguments as _, AssertSqlSafe, Connection as _};

use mosquitto::Mosquitto;
use postgres::Postgres;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The argument that makes this program the HTTP receiver.
const RECEIVER: &str = "receive";
const ROUNDS: usize = 5;
const ROWS: u32 = 100_000;
const ROWS_AT_ONCE: usize = 500;
const POSTS: u32 = 40_000;
const MESSAGES: u32 = 100_000;

/// What a number of outputs have taken.
struct Taken {
    outputs: u32,
    time: Duration,
    cpu_us: f64,
}

impl Taken {
    fn per_s(&self) -> f64 {
        f64::from(self.outputs) / self.time.as_secs_f64()
    }

    fn cpu_us_each(&self) -> f64 {
        self.cpu_us / f64::from(self.outputs)
    }

    fn measure(outputs: u32) -> impl FnOnce() -> Taken {
        let (start, cpu_before_us) = (now(), cpu_us());
        move || Taken { outputs, time: start.elapsed(), cpu_us: cpu_us() - cpu_before_us }
    }
}

/// Nobody publishes here.
struct Nowhere;

impl Publisher for Nowhere {
    fn publish(&self, _message: PublishRequest) -> Result<(), PublishRefused> {
        Ok(())
    }
}

fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    if arguments.next().is_some_and(|role| role == RECEIVER) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        return runtime.block_on(receive());
    }
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let mut out = std::io::stdout().lock();
    let (ours, bare) = runtime.block_on(into_postgres());
    writeln!(
        out,
        "postgres, {ROWS_AT_ONCE} rows at once: {:.0} rows a second, {:.2} us of CPU each; the same client without us: {:.0}, \
         {:.2} us; {:.0} % of it, at least 80 % are asked for",
        ours.per_s(),
        ours.cpu_us_each(),
        bare.per_s(),
        bare.cpu_us_each(),
        100.0 * ours.per_s() / bare.per_s()
    )?;
    let posts = runtime.block_on(over_http());
    writeln!(
        out,
        "http, 64 POSTs under way: {:.0} a second, {:.1} us of CPU each; at most 40 us are asked for",
        posts.per_s(),
        posts.cpu_us_each()
    )?;
    for qos in [0, 1] {
        let messages = runtime.block_on(over_mqtt(qos));
        let (per_s, each) = (messages.per_s(), messages.cpu_us_each());
        writeln!(out, "mqtt to Mosquitto, QoS {qos}: {per_s:.0} outputs a second, {each:.2} us of CPU each")?;
    }
    Ok(())
}

async fn into_postgres() -> (Taken, Taken) {
    let postgres = Postgres::start();
    let columns = "(output_id text PRIMARY KEY, clientid text, temp double precision, at timestamptz)";
    postgres.query(&format!("CREATE TABLE ours {columns}; CREATE TABLE bare {columns}"));
    let options: PgConnectOptions = postgres.url().parse().expect("a URL");
    let mut connection = PgConnection::connect_with(&options.password(Postgres::PASSWORD)).await.expect("it is there");
    let engine = engine(
        &postgres.connector(),
        &format!(
            "table = 'ours'\nbatch = {{ size = {ROWS_AT_ONCE} }}\ncolumns = {{ output_id = '${{output_id}}', clientid = \
             '${{clientid}}', temp = '${{temp}}', at = '${{timestamp}}' }}"
        ),
    );
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        postgres.query("TRUNCATE ours, bare");
        bare.push(insert_bare(&mut connection).await);
        ours.push(deliver(&engine, ROWS).await);
    }
    let rows = postgres.query("SELECT (SELECT count(*) FROM ours), (SELECT count(*) FROM bare)");
    assert_eq!(rows, format!("{ROWS}|{ROWS}"), "every row is there");
    (median(ours), median(bare))
}

/// The same rows by the same client, one statement behind the other.
async fn insert_bare(connection: &mut PgConnection) -> Taken {
    let row =
        |n: usize| format!("(${}, ${}, ${}, to_timestamp(${} / 1000.0))", n * 4 + 1, n * 4 + 2, n * 4 + 3, n * 4 + 4);
    let values: Vec<String> = (0..ROWS_AT_ONCE).map(row).collect();
    let text = format!(
        "INSERT INTO bare (output_id, clientid, temp, at) VALUES {} ON CONFLICT (output_id) DO NOTHING",
        values.join(", ")
    );
    let numbers: Vec<u32> = (0..ROWS).collect();
    let done = Taken::measure(ROWS);
    for numbers in numbers.chunks(ROWS_AT_ONCE) {
        let mut arguments = PgArguments::default();
        for number in numbers {
            let added = arguments
                .add(format!("{number:032x}"))
                .and_then(|()| arguments.add(client_id(*number)))
                .and_then(|()| arguments.add(f64::from(number % 100) / 2.0))
                .and_then(|()| arguments.add(Timestamp::SAMPLE.0));
            added.expect("values that can be sent");
        }
        let inserted = sqlx::query_with(AssertSqlSafe(text.as_str()), arguments).execute(&mut *connection).await;
        inserted.expect("the rows are taken");
    }
    done()
}

async fn over_http() -> Taken {
    let mut receiver = Receiver::start();
    let connector = format!("kind = 'http'\nurl = 'http://{}'\n", receiver.address);
    let engine = engine(&connector, "concurrency = 64\nbatch = { size = 2_000 }\n");
    let _warm_up = deliver(&engine, 2_000).await;
    let mut taken = Vec::new();
    for _ in 0..ROUNDS {
        taken.push(deliver(&engine, POSTS).await);
    }
    receiver.process.kill().expect("it runs");
    median(taken)
}

async fn over_mqtt(qos: u8) -> Taken {
    let mosquitto = Mosquitto::start("max_inflight_messages 0");
    let action = format!("topic = 'plant/${{clientid}}'\nqos = {qos}\nbatch = {{ size = 1_000 }}\n");
    let engine = engine(&mosquitto.connector(), &action);
    let _warm_up = deliver(&engine, 2_000).await;
    let mut taken = Vec::new();
    for _ in 0..ROUNDS {
        taken.push(deliver(&engine, MESSAGES).await);
    }
    median(taken)
}

/// An engine with one rule, whose action uses the connector.
fn engine(connector: &str, action: &str) -> Engine {
    let connectors: toml::Table = format!("[there]\n{connector}").parse().expect("the options of a connector");
    let connectors = Connectors::read(&connectors).expect("a connector");
    let registry = Registry::new(connectors, Arc::new(Nowhere), Console::new(std::io::sink()));
    let dir = tempfile::tempdir().expect("a directory for the rule");
    let text = format!(
        "/*---\n[[actions]]\nconnector = 'there'\nname = 'out'\nbuffer = {{ max_len = 10_000_000, max_bytes = '4GiB' }}\n\
         {action}\n---*/\nSELECT clientid, payload.temp AS temp, timestamp FROM \"plant/#\""
    );
    std::fs::write(dir.path().join("bench.sql"), text).expect("the directory can be written");
    let engine = Engine::new(EngineConfig::default(), Arc::new(registry), Arc::new(clock));
    let report = engine.load_dir(dir.path()).expect("the directory can be read");
    let refused: String = report.refused.iter().take(1).map(|refused| refused.rendered.clone()).collect();
    assert_eq!(report.taken_up.len(), 1, "{refused}");
    engine
}

/// Runs the rule on so many messages, and waits until their outputs are delivered.
async fn deliver(engine: &Engine, count: u32) -> Taken {
    let delivered = || engine.rule("bench").expect("the rule of the bench").actions[0].ledger.delivered;
    let events: Vec<Event> = (0..count).map(event).collect();
    let goal = delivered() + u64::from(count);
    let done = Taken::measure(count);
    for event in &events {
        engine.on_event(event, 0);
    }
    while delivered() < goal {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    done()
}

fn event(number: u32) -> Event {
    let payload = format!("{{\"temp\":{},\"unit\":\"celsius\"}}", f64::from(number % 100) / 2.0);
    let message = MessagePublish {
        clientid: client_id(number).into(),
        topic: "plant/7".into(),
        payload: Payload(payload.into_bytes().into()),
        ..MessagePublish::sample()
    };
    let mut event = Event { body: Body::MessagePublish(message), ..Event::sample(Kind::MessagePublish) };
    event.head.event_id = EventId(u128::from(number));
    event
}

fn client_id(number: u32) -> String {
    format!("pump-{}", number % 5_000)
}

fn median(mut taken: Vec<Taken>) -> Taken {
    taken.sort_by_key(|taken| taken.time);
    taken.swap_remove(taken.len() / 2)
}

/// The process of the HTTP receiver.
struct Receiver {
    process: Child,
    address: SocketAddr,
}

impl Receiver {
    fn start() -> Receiver {
        let program = std::env::current_exe().expect("the file of this program");
        let mut command = Command::new(program);
        let mut process = command.arg(RECEIVER).stdout(Stdio::piped()).spawn().expect("this program runs");
        let mut line = String::new();
        let stdout = process.stdout.take().expect("it is piped");
        std::io::BufRead::read_line(&mut std::io::BufReader::new(stdout), &mut line).expect("the receiver starts");
        Receiver { process, address: line.trim().parse().expect("its address") }
    }
}

/// Is the HTTP receiver, which answers everything with 204.
async fn receive() -> std::io::Result<()> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    writeln!(std::io::stdout(), "{}", listener.local_addr()?)?;
    let app = axum::Router::new().fallback(|_body: axum::body::Bytes| async { axum::http::StatusCode::NO_CONTENT });
    axum::serve(listener, app).await
}

/// User and system time of this process, in us. The kernel tells it in hundredths of a second.
fn cpu_us() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("/proc is mounted");
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace();
    let ticks: f64 = fields.skip(11).take(2).map(|field| field.parse::<f64>().expect("a number")).sum();
    ticks * 10_000.0
}

#[expect(clippy::disallowed_methods, reason = "a bench measures time")]
fn now() -> Instant {
    Instant::now()
}

#[expect(clippy::disallowed_methods, reason = "a bench is an edge")]
fn clock() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
