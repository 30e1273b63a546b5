// Prints dashboard.json: `node dashboard.mjs > dashboard.json`. What is on the dashboard stands here, row by row; what
// Grafana wants besides is added at the end. A test checks that the two files belong together.

// `$instance` is what was chosen at the top of the dashboard, and `$__rate_interval` follows the width of the picture.
const on = (metric, labels = "") => `${metric}{job="fanfare", instance=~"$instance"${labels && `, ${labels}`}}`;
const rate = (metric, labels) => `rate(${on(metric, labels)}[$__rate_interval])`;
const sum = (expression, by = "instance") => `sum by (${by}) (${expression})`;
const quantiles = (histogram) =>
  [0.5, 0.9, 0.99].map((q) => [
    `histogram_quantile(${q}, sum by (le) (${rate(`${histogram}_bucket`)}))`,
    `p${q * 100}`,
  ]);

// [title, unit, what it shows, queries as [expression, legend], width of 24]
const rows = {
  "At a glance": [
    stat("Nodes up", "none", "Nodes that Prometheus reaches.", [[`sum(up{job="fanfare"})`, ""]]),
    stat("Nodes ready", "none", "Nodes that want new clients.", [[`sum(${on("fanfare_ready")})`, ""]]),
    stat("Draining", "none", "Nodes that send their clients elsewhere before they end.", [[`sum(${on("fanfare_draining")})`, ""]]),
    stat("Clients", "short", "Engine.IO sessions of all nodes.", [[`sum(${on("fanfare_connections")})`, ""]]),
    stat("Deliveries", "cps", "Packets handed to clients by emits, each second.", [[`sum(${rate("fanfare_deliveries_total")})`, ""]]),
    stat("Event handling, p99", "s", "From the arrival of an event until its handlers have ended.", [quantiles("fanfare_event_duration_seconds")[2]]),
    stat("Lost between nodes", "cps", "Envelopes that other nodes sent and that never came.", [[`sum(${rate("fanfare_bus_lost_total")})`, ""]]),
    stat("Slow clients cut off", "cps", "Clients that did not read what was sent to them.", [[`sum(${rate("fanfare_slow_consumers_total")})`, ""]]),
  ],
  Clients: [
    graph("Connections of each node", "short", "Uneven after a restart until clients reconnect; uneven for ever if the balancer goes by address.", [[sum(on("fanfare_connections")), "{{instance}}"]]),
    graph("Connections by transport", "short", "Polling that never becomes WebSocket points to a proxy that does not pass upgrades.", [[sum(on("fanfare_connections"), "transport"), "{{transport}}"]]),
    graph("Coming and going", "cps", "", [[`sum(${rate("fanfare_connections_opened_total")})`, "opened"], [`-${sum(rate("fanfare_connections_closed_total"), "reason")}`, "closed: {{reason}}"]]),
    graph("Refused", "cps", "Unknown sessions are a balancer that does not keep polling clients on their node.", [[sum(rate("fanfare_connections_refused_total"), "reason"), "{{reason}}"], [sum(rate("fanfare_limits_reached_total"), "limit"), "limit: {{limit}}"]]),
    graph("Upgrades to WebSocket", "cps", "", [[`sum(${rate("fanfare_upgrades_total")})`, "done"], [`sum(${rate("fanfare_upgrades_failed_total")})`, "failed"]]),
    graph("Sockets", "short", "Clients in namespaces: one connection may have several.", [[sum(on("fanfare_sockets")), "{{instance}}"]]),
    graph("Sockets coming and going", "cps", "", [[`sum(${rate("fanfare_sockets_admitted_total")})`, "admitted"], [`sum(${rate("fanfare_sockets_rejected_total")})`, "rejected"], [`-${sum(rate("fanfare_sockets_disconnected_total"), "reason")}`, "{{reason}}"]]),
    graph("TCP connections", "short", "Polling clients have several, idle ones of the balancer count too.", [[sum(on("fanfare_http_connections")), "{{instance}}"], [sum(rate("fanfare_accept_errors_total")), "not accepted, {{instance}}"]]),
  ],
  Traffic: [
    graph("Bytes", "Bps", "Of the clients; received below zero.", [[sum(rate("fanfare_sent_bytes_total")), "sent, {{instance}}"], [`-${sum(rate("fanfare_received_bytes_total"))}`, "received, {{instance}}"]]),
    graph("Packets received", "cps", "", [[sum(rate("fanfare_packets_received_total"), "type"), "{{type}}"]]),
    graph("Packets sent", "cps", "", [[sum(rate("fanfare_packets_sent_total"), "type"), "{{type}}"]]),
    graph("Events", "cps", "Without a handler, or with arguments that the handler does not take: clients and server of different versions.", [[`sum(${rate("fanfare_events_received_total")})`, "received"], [`sum(${rate("fanfare_events_unhandled_total")})`, "without a handler"], [`sum(${rate("fanfare_events_invalid_total")})`, "with other arguments"]]),
    graph("Errors", "cps", "", [[`sum(${rate("fanfare_protocol_errors_total")})`, "protocol"], [`sum(${rate("fanfare_handler_errors_total")})`, "handlers"], [`sum(${rate("fanfare_handler_panics_total")})`, "panics of handlers"], [`sum(${rate("fanfare_late_packets_total")})`, "late packets"]]),
    graph("Acknowledgements", "short", "Awaited from clients; the others are per second.", [[`sum(${on("fanfare_acks_pending")})`, "awaited"], [`sum(${rate("fanfare_acks_timed_out_total")})`, "timed out"], [`sum(${rate("fanfare_acks_unknown_total")})`, "unknown"]]),
  ],
  Latency: [
    graph("Handling of events", "s", "From the arrival of an event until its handlers have ended.", quantiles("fanfare_event_duration_seconds")),
    graph("Fan-out", "s", "From an emit until its packets wait in the outboxes of this node's clients.", quantiles("fanfare_fanout_duration_seconds")),
    graph("Ping to pong", "s", "Through the network, the balancer and the client.", quantiles("fanfare_ping_round_trip_seconds")),
    graph("Handshake", "s", "", quantiles("fanfare_handshake_duration_seconds")),
    graph("Handlers running", "short", "Unfinished ones: they await something.", [[sum(on("fanfare_handlers_running")), "{{instance}}"]]),
    graph("NATS round trip", "s", "", [[on("fanfare_bus_round_trip_seconds"), "{{instance}}"]]),
  ],
  "Rooms and fan-out": [
    graph("Rooms", "short", "", [[sum(on("fanfare_rooms")), "{{instance}}"]]),
    graph("Memberships", "short", "Sockets in rooms, each counted once for each room.", [[sum(on("fanfare_room_memberships")), "{{instance}}"]]),
    graph("Broadcasts", "cps", "Emits to rooms or to everybody.", [[sum(rate("fanfare_broadcasts_total")), "{{instance}}"]]),
    graph("Deliveries for each broadcast", "short", "How far a message fans out on a node.", [[`${sum(rate("fanfare_deliveries_total"))} / ${sum(rate("fanfare_broadcasts_total"))}`, "{{instance}}"]]),
  ],
  Queues: [
    graph("Bytes that wait for clients", "bytes", "In all outboxes of a node.", [[sum(on("fanfare_outbox_bytes")), "{{instance}}"]]),
    graph("Messages that wait for room shards", "short", "", [[sum(on("fanfare_mailbox_messages"), "instance, actor"), "{{actor}}, {{instance}}"]]),
    graph("Refused and dropped by queues", "cps", "Volatile packets are meant to be dropped; the others are losses that somebody was told of.", [[`sum(${rate("fanfare_volatile_dropped_total")})`, "volatile"], [`sum(${rate("fanfare_emits_overloaded_total")})`, "emits refused"], [`sum(${rate("fanfare_packets_undelivered_total")})`, "to clients that went"], [`sum(${rate("fanfare_shard_messages_lost_total")})`, "lost with a shard"]]),
    graph("Slow clients cut off", "cps", "", [[sum(rate("fanfare_slow_consumers_total")), "{{instance}}"]]),
  ],
  Cluster: [
    graph("Nodes that a node knows", "none", "Others, without itself. Different figures are a split cluster.", [[on("fanfare_nodes"), "{{instance}}"]]),
    graph("Connected to NATS", "none", "", [[on("fanfare_bus_connected"), "{{instance}}"], [rate("fanfare_bus_reconnects_total"), "reconnects, {{instance}}"]]),
    graph("Frames", "cps", "To NATS; from NATS below zero.", [[sum(rate("fanfare_bus_frames_published_total")), "published, {{instance}}"], [`-${sum(rate("fanfare_bus_frames_received_total"))}`, "received, {{instance}}"]]),
    graph("Bytes", "Bps", "To NATS; from NATS below zero.", [[sum(rate("fanfare_bus_published_bytes_total")), "published, {{instance}}"], [`-${sum(rate("fanfare_bus_received_bytes_total"))}`, "received, {{instance}}"]]),
    graph("Losses", "cps", "Lost: another node said it and it never came. Dropped: it could not be published.", [[sum(rate("fanfare_bus_lost_total")), "lost, {{instance}}"], [sum(rate("fanfare_bus_dropped_total")), "dropped, {{instance}}"], [sum(rate("fanfare_bus_undelivered_total")), "undelivered, {{instance}}"]]),
    graph("Unexpected messages of the bus", "cps", "", [[`sum(${rate("fanfare_bus_late_total")})`, "late or twice"], [`sum(${rate("fanfare_bus_refused_total")})`, "unreadable"], [`sum(${rate("fanfare_bus_unknown_total")})`, "of a newer version"], [`sum(${rate("fanfare_bus_invalid_messages_total")})`, "invalid"], [`sum(${rate("fanfare_bus_overruns_total")})`, "read too slowly"]]),
    graph("Bytes that wait for NATS", "bytes", "", [[on("fanfare_bus_queued_bytes"), "{{instance}}"]]),
    graph("Questions to other nodes", "cps", "", [[`sum(${rate("fanfare_requests_incomplete_total")})`, "not answered by all"], [`sum(${rate("fanfare_server_events_total")})`, "server events"], [`sum(${rate("fanfare_bus_waits_total")})`, "waited for a full shard"]]),
  ],
  Process: [
    graph("Processor", "none", "Cores in use.", [[rate("process_cpu_seconds_total"), "{{instance}}"]]),
    graph("Memory", "bytes", "Resident.", [[on("process_resident_memory_bytes"), "{{instance}}"]]),
    graph("Memory for each client", "bytes", "", [[`${on("process_resident_memory_bytes")} / on (instance) ${sum(on("fanfare_connections"))}`, "{{instance}}"]]),
    graph("File descriptors in use", "percentunit", "Of those that the process may have.", [[`${on("process_open_fds")} / ${on("process_max_fds")}`, "{{instance}}"]]),
    graph("Actors", "cps", "Restarts are bugs of Fanfare; deaths are clients that were cut off by one.", [[sum(rate("fanfare_actor_restarts_total"), "actor"), "restarted: {{actor}}"], [sum(rate("fanfare_actor_deaths_total"), "actor"), "died: {{actor}}"]]),
    graph("Releases", "none", "", [[`count by (version) (${on("fanfare_build_info")})`, "{{version}}"]]),
  ],
};

function graph(title, unit, description, queries) {
  return { type: "timeseries", title, unit, description, queries, width: 6, height: 7 };
}

function stat(title, unit, description, queries) {
  return { type: "stat", title, unit, description, queries, width: 3, height: 4 };
}

const source = { type: "prometheus", uid: "${source}" };
const panels = [];
let y = 0;
const add = (panel) => panels.push({ id: panels.length + 1, ...panel });

for (const [title, members] of Object.entries(rows)) {
  add({ type: "row", title, collapsed: false, panels: [], gridPos: { x: 0, y, w: 24, h: 1 } });
  y += 1;
  let x = 0;
  for (const { type, title, unit, description, queries, width: w, height: h } of members) {
    if (x + w > 24) [x, y] = [0, y + h];
    add({
      type,
      title,
      description,
      datasource: source,
      gridPos: { x, y, w, h },
      fieldConfig: { defaults: { unit, ...(type === "timeseries" && { custom: { fillOpacity: 5, showPoints: "never" } }) }, overrides: [] },
      options:
        type === "stat"
          ? { reduceOptions: { calcs: ["lastNotNull"] }, colorMode: "value", graphMode: "area" }
          : { legend: { displayMode: "list", placement: "bottom" }, tooltip: { mode: "multi", sort: "desc" } },
      targets: queries.map(([expr, legendFormat], n) => ({
        refId: String.fromCharCode(65 + n),
        datasource: source,
        expr,
        legendFormat: legendFormat || title,
      })),
    });
    x += w;
  }
  y += members.at(-1).height;
}

const dashboard = {
  uid: "fanfare",
  title: "Fanfare",
  description: "A cluster of Fanfare nodes. Made by dashboard.mjs: change that.",
  tags: ["fanfare", "socket.io"],
  schemaVersion: 39,
  version: 1,
  editable: true,
  refresh: "10s",
  time: { from: "now-1h", to: "now" },
  graphTooltip: 1,
  templating: {
    list: [
      { name: "source", label: "Source", type: "datasource", query: "prometheus", current: {} },
      {
        name: "instance",
        label: "Node",
        type: "query",
        datasource: source,
        query: { query: 'label_values(up{job="fanfare"}, instance)', refId: "instance" },
        definition: 'label_values(up{job="fanfare"}, instance)',
        refresh: 2,
        includeAll: true,
        allValue: ".*",
        multi: true,
        sort: 1,
        current: { text: "All", value: "$__all" },
      },
    ],
  },
  annotations: {
    list: [
      {
        name: "Nodes draining",
        datasource: source,
        enable: true,
        iconColor: "orange",
        expr: 'fanfare_draining{job="fanfare"} == 1',
        titleFormat: "draining: {{instance}}",
        step: "15s",
      },
    ],
  },
  panels,
};

console.log(JSON.stringify(dashboard, null, 2));
