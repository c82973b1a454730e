"use strict";
(() => {
  const PAUSE = 2000;
  const SHOWN = 200;
  const $ = (id) => document.getElementById(id);

  // Whatever peers and objects are called is text, and never markup.
  const el = (tag, className, ...children) => {
    const node = document.createElement(tag);
    if (className) node.className = className;
    node.append(...children.filter((child) => child !== undefined && child !== null && child !== ""));
    return node;
  };
  const fill = (node, ...children) => node.replaceChildren(...children);

  // The JSON, or null and why where there is none.
  const ask = async (path) => {
    const response = await fetch(path, { cache: "no-store" });
    if (response.status === 404) return { missing: await response.text() };
    if (!response.ok) throw new Error(await response.text());
    return { found: await response.json() };
  };

  const age = (seconds) => {
    const [d, h, m] = [Math.floor(seconds / 86400), Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60];
    if (d) return `${d}d ${h}h`;
    if (h) return `${h}h ${m}m`;
    if (m) return `${m}m ${Math.floor(seconds % 60)}s`;
    return `${Math.floor(seconds)}s`;
  };
  const ago = (time) => `${age(Math.max(0, (Date.now() - Date.parse(time)) / 1000))} ago`;
  const plural = (n, thing) => `${n.toLocaleString("en")} ${thing}${n === 1 ? "" : "s"}`;

  // ---- the agent and its policy ----

  const fact = (name, value, small) =>
    el("div", "", el("dt", "", name), el("dd", "", String(value), small ? el("small", "", small) : ""));

  const showAgent = (agent) => {
    $("node").textContent = agent.node;
    document.title = `BGP on ${agent.node}`;
    const source = agent.source === "cluster" ? "in a cluster" : `on ${agent.source}`;
    $("agent").textContent = `antrea-bgp-agent ${agent.version}, ${source}, up ${age(agent.uptimeSeconds)}`;
  };

  const showPolicy = (policy, peers, routes) => {
    if (!policy) {
      fill($("facts"), fact("Policy", "none"));
      return;
    }
    const up = peers.filter((peer) => peer.state === "Established").length;
    const confederation = policy.confederationIdentifier
      ? `in confederation ${policy.confederationIdentifier}, members ${(policy.memberASNs || []).join(", ") || "none"}`
      : "";
    fill(
      $("facts"),
      fact("Policy", policy.name),
      fact("Router ID", policy.routerID),
      fact("Local AS", policy.localASN, confederation),
      fact("Listens on", policy.listenPort, (policy.listeners || []).join(", ")),
      fact("Sessions up", `${up} of ${peers.length}`),
      fact("Routes", routes.length.toLocaleString("en")),
    );
  };

  // ---- peers ----

  const mood = (peer) => {
    if (peer.state === "Established") return "good";
    if (peer.state === "Skipped") return "";
    return peer.lastError ? "bad" : "notice";
  };
  const moodOfEvent = (event) => ({ Established: "good", Down: "bad" })[event.event] || "notice";

  const figures = (peer) => {
    const figure = (value, name) => (value === undefined ? "" : el("span", "", el("b", "", String(value)), ` ${name}`));
    return el(
      "div",
      "figures",
      peer.sinceSeconds === undefined ? "" : el("span", "", "for ", el("b", "", age(peer.sinceSeconds))),
      figure(peer.advertised, "sent"),
      figure(peer.received, "received"),
      figure(peer.flaps, peer.flaps === 1 ? "flap" : "flaps"),
      peer.retryInSeconds === undefined ? "" : el("span", "", "next attempt in ", el("b", "", age(peer.retryInSeconds))),
    );
  };

  const strip = (history) => {
    const last = history.slice(-16);
    const marks = last.map((event) => {
      const mark = el("i", moodOfEvent(event));
      mark.title = `${event.event} ${event.last}: ${event.text}`;
      return mark;
    });
    const all = el("div", "strip", ...marks);
    all.setAttribute("role", "img");
    all.setAttribute("aria-label", `history: ${last.map((event) => event.event).join(", ")}`);
    return all;
  };

  const pairs = (list) => {
    const all = el("dl", "pairs");
    for (const [name, value] of list) {
      if (value !== undefined && value !== "") all.append(el("dt", "", name), el("dd", "", String(value)));
    }
    return all;
  };
  const block = (title, className, ...children) => el("div", className, el("h3", "", title), ...children);
  const table = (header, rows, className) => {
    const head = el("tr", "", ...header.map((text) => el("th", "", text)));
    return el("table", className, el("thead", "", head), el("tbody", "", ...rows));
  };
  const row = (...cells) => el("tr", "", ...cells.map((cell) => (cell instanceof Node ? cell : el("td", "", String(cell)))));
  const seconds = (n) => (n === undefined ? undefined : `${n} s`);
  const yes = (it) => (it ? "yes" : "no");
  const notification = (it) => (it ? `${it.text}, ${ago(it.at)}` : "none");

  const session = (peer) => {
    const it = peer.session;
    if (!it) return "";
    const hold = it.holdTimeSeconds
      ? `${it.holdTimeSeconds} s (ours ${it.localHoldTimeSeconds} s, the peer's ${it.peerHoldTimeSeconds} s)`
      : "none";
    const restart = it.localRestartTimeSeconds === undefined
      ? "no"
      : `the peer keeps our routes for ${it.localRestartTimeSeconds} s; its own restart time is ${it.peerRestartTimeSeconds} s`;
    return block("Session", "", pairs([
      ["Addresses", `${it.localAddress} to ${it.remoteAddress}`],
      ["Router ID", it.peerRouterID],
      ["Kind", `${it.kind}, we are AS ${it.localASN}`],
      ["Families", it.families.join(", ")],
      ["Next hop", it.nextHops.map((hop) => hop.nextHop).join(", ")],
      ["Hold time", hold],
      ["Hold timer", peer.timers.holdSeconds === undefined ? undefined : `${peer.timers.holdSeconds} s left`],
      ["Keepalives", it.keepaliveSeconds ? `every ${it.keepaliveSeconds} s` : "none"],
      ["Graceful restart", restart],
      ["On NOTIFICATIONs too", yes(it.notificationRestart)],
      ["Route refresh", yes(it.routeRefresh) + (it.enhancedRouteRefresh ? ", enhanced" : "")],
      ["Longest message", `${it.maxMessageOctets} octets`],
      ["End-of-RIB", peer.endOfRIBSent ? "sent" : "not sent"],
    ]));
  };

  const configured = (peer) => {
    const it = peer.configured;
    return block("Configured", "", pairs([
      ["Authentication", it.authenticated ? "TCP MD5" : "none"],
      ["Multihop TTL", it.multihopTTL + (it.ttlSecurityEnabled ? ", with TTL security" : "")],
      ["Hold time", seconds(it.holdTimeSeconds)],
      ["Keepalives", seconds(it.keepaliveIntervalSeconds)],
      ["Connect retry", seconds(it.connectRetrySeconds)],
      ["Idle after a reset", seconds(it.idleHoldTimeAfterResetSeconds)],
      ["Graceful restart", it.gracefulRestartEnabled ? `${it.gracefulRestartTimeSeconds} s` : "off"],
      ["Last NOTIFICATION sent", notification(peer.lastNotificationSent)],
      ["Last NOTIFICATION received", notification(peer.lastNotificationReceived)],
      ["Malformed UPDATEs", peer.malformedUpdates],
      ["Waiting", `${plural(peer.queueOctets, "octet")}, ${plural(peer.pendingChanges, "change")} at most`],
    ]));
  };

  const NAMES = { open: "OPEN", update: "UPDATE", notification: "NOTIFICATION", keepalive: "KEEPALIVE", routeRefresh: "ROUTE-REFRESH" };
  const counters = (peer) => {
    const rows = Object.entries(NAMES).map(([key, name]) => row(name, peer.messages.sent[key], peer.messages.received[key]));
    return block("Messages", "", table(["", "Sent", "Received"], rows));
  };
  const capabilities = (peer) => {
    if (!peer.session) return "";
    const rows = peer.session.capabilities.map((it) => row(it.name, it.local || "no", it.peer || "no"));
    return block("Capabilities", "", table(["", "Ours", "The peer's"], rows));
  };
  const history = (peer) => {
    const rows = [...peer.history].reverse().map((event) => {
      const what = el("td", moodOfEvent(event), event.event + (event.count > 1 ? `, ${event.count} times` : ""));
      const when = el("td", "", ago(event.last));
      when.title = event.last;
      return row(el("td", "mono", event.last), when, what, event.text);
    });
    return block("History", "wide", rows.length ? table(["Last", "", "What", "Why"], rows, "history") : el("p", "muted", "nothing yet"));
  };

  const peerNodes = new Map();
  let shownPeer;
  const address = (peer) => peer.peer.slice(0, peer.peer.lastIndexOf(":")).replace(/[[\]]/g, "");

  const showPeer = (peer) => {
    let node = peerNodes.get(peer.peer);
    if (!node) {
      node = el("details", "peer", el("summary", ""), el("div", "detail"));
      node.addEventListener("toggle", () => showDetail(node));
      peerNodes.set(peer.peer, node);
    }
    node.peer = peer;
    node.className = `peer ${mood(peer)}`;
    const who = el("div", "who", el("span", "mono", peer.peer), el("span", "muted", `AS ${peer.asn}`));
    const why = peer.lastError ? el("p", "why", peer.state === "Established" ? `before: ${peer.lastError}` : peer.lastError) : "";
    const marks = peer.history && peer.history.length ? strip(peer.history) : "";
    const chip = el("span", `chip ${mood(peer)}`, peer.state);
    fill(node.firstChild, ...[who, chip, figures(peer), marks, why].filter((it) => it !== ""));
    showDetail(node);
    return node;
  };

  const showDetail = (node) => {
    const peer = node.peer;
    if (!node.open || !peer.configured) return;
    const blocks = [session(peer), configured(peer), capabilities(peer), counters(peer), history(peer)];
    fill(node.lastChild, ...blocks.filter((it) => it !== ""));
  };

  // In full, but for those of a list that nobody would look through.
  const inFull = async (peers) => {
    const wanted = peers.map(async (peer) => {
      const node = peerNodes.get(peer.peer);
      if (peers.length > 16 && !(node && node.open)) return peer;
      return (await ask(`/api/bgppeers/${encodeURIComponent(address(peer))}`)).found || peer;
    });
    return Promise.all(wanted);
  };

  const showPeers = (peers) => {
    $("peers-count").textContent = peers.length || "";
    const nodes = peers.map(showPeer);
    for (const name of peerNodes.keys()) if (!peers.some((peer) => peer.peer === name)) peerNodes.delete(name);
    const list = $("peers");
    const same = nodes.length === list.children.length && nodes.every((node, at) => node === list.children[at]);
    if (!same) fill(list, ...nodes);
    // Whoever searches for a peer wants to see it.
    const query = $("query").value.trim();
    const asked = nodes.find((node) => [address(node.peer), node.peer.peer].includes(query));
    if (asked && asked !== shownPeer) {
      asked.open = true;
      asked.scrollIntoView({ block: "nearest" });
    }
    shownPeer = asked;
    if (!nodes.length) fill(list, el("p", "muted", "No peer is configured."));
  };

  // ---- routes ----

  let routes = [];
  const showRoutes = () => {
    const query = $("query").value.trim().toLowerCase();
    const text = (route) => `${route.route} ${route.type} ${route.k8sObjRef || ""} ${(route.owners || []).join(" ")}`.toLowerCase();
    const matching = query ? routes.filter((route) => text(route).includes(query)) : routes;
    // Whoever asks about one address wants to see all routes beside the answer.
    const shown = matching.length || !subject(query) ? matching : routes;
    $("routes-count").textContent = routes.length ? routes.length.toLocaleString("en") : "";
    const rows = shown.slice(0, SHOWN).map((route) => {
      const owner = route.owners ? route.owners.join(", ") : route.k8sObjRef || "this node";
      const sent = route.sent || { to: 0, of: 0 };
      const cell = el("td", `number ${sent.of && sent.to === sent.of ? "good" : "notice"}`, `${sent.to} of ${sent.of}`);
      return row(el("td", "mono", route.route), route.type, owner, cell);
    });
    fill($("routes").tBodies[0], ...rows);
    $("routes").parentNode.hidden = !rows.length;
    const more = shown.length > SHOWN ? `The first ${SHOWN} of ${shown.length.toLocaleString("en")}; type to find others.` : "";
    $("routes-more").textContent = rows.length ? more : routes.length ? "No route matches." : "Nothing is advertised.";
  };

  // ---- explain ----

  // What a person may have meant, as the agent wants it.
  const subject = (query) => {
    if (/^(service|egress)\/.+/.test(query)) return query;
    if (/^[0-9a-f:.]+(\/\d{1,3})?$/i.test(query) && /[.:]/.test(query)) return query;
    if (/^[a-z0-9-]+\/[a-z0-9.-]+$/.test(query)) return `service/${query}`;
    return null;
  };

  const finding = (it, asked) => {
    const chip = it.advertised ? el("span", "chip good", "advertised") : el("span", "chip bad", "not advertised");
    const line = el("div", "line", el("span", "mono", it.route || asked), it.owner ? el("span", "muted", it.owner) : "", chip);
    const node = el("div", "finding", line);
    if (it.reason) node.append(el("p", "", it.reason));
    const peers = (it.peers || []).map((peer) =>
      el("li", "", el("span", "mono", peer.peer), el("span", `chip ${peer.delivery === "sent" ? "good" : "notice"}`, peer.delivery)));
    if (peers.length) node.append(el("ul", "", ...peers));
    return node;
  };

  let explained = 0;
  const explain = async () => {
    const query = $("query").value.trim();
    const asked = subject(query);
    const turn = ++explained;
    if (!asked || shownPeer) return fill($("explanation"));
    let card;
    try {
      const { found, missing } = await ask(`/api/explain?subject=${encodeURIComponent(asked)}`);
      card = found
        ? el("div", "card", ...found.findings.map((it) => finding(it, found.subject)), ...(found.remarks || []).map((text) => el("p", "muted", text)))
        : el("div", "card", missing);
    } catch {
      // Half an address is no address yet.
      card = "";
    }
    if (turn === explained) fill($("explanation"), ...(card ? [card] : []));
  };

  // ---- health ----

  const showHealth = (conditions, problems) => {
    const lines = conditions.split("\n").filter((line) => line);
    fill($("conditions"), ...lines.map((line) => el("li", line.startsWith("[+]") ? "good" : "bad", line.slice(4))));
    const severity = (text) => (/(^|[ :])error: /.test(text) ? "bad" : "notice");
    fill($("problems"), ...(problems.length
      ? problems.map((text) => el("li", severity(text), text))
      : [el("li", "good", "nothing")]));
  };

  const banner = (className, text) => el("p", `banner ${className}`, text);

  // ---- round and round ----

  let heard = null;
  let seen = "";
  let turns = 0;

  const refresh = async () => {
    const [agent, policy, list, readyz, problems] = await Promise.all([
      ask("/api/agent"), ask("/api/bgppolicy"), ask("/api/bgppeers?wide"), fetch("/readyz", { cache: "no-store" }), ask("/api/problems"),
    ]);
    const peers = await inFull(list.found || []);
    // All routes are much; they are asked for when something may have changed about them.
    const now = JSON.stringify([agent.found.generation, peers.map((peer) => [peer.peer, peer.state, peer.advertised])]);
    if (now !== seen || turns++ % 5 === 0) {
      routes = (await ask("/api/bgproutes?wide")).found || [];
      seen = now;
      showRoutes();
    }
    showAgent(agent.found);
    showPolicy(policy.found, peers, routes);
    showPeers(peers);
    showHealth(await readyz.text(), problems.found || []);
    const banners = [];
    if (!policy.found) banners.push(banner("notice", "No BGPPolicy is in effect on this node, so BGP does not run."));
    if (!readyz.ok) banners.push(banner("notice", "The agent is not ready; the conditions below name the reason."));
    fill($("banners"), ...banners);
    await explain();
  };

  const live = (className, text) => {
    $("live").className = `live ${className}`;
    $("live-text").textContent = text;
  };

  let timer;
  const turn = async () => {
    clearTimeout(timer);
    if (document.visibilityState === "hidden") return;
    try {
      await refresh();
      heard = Date.now();
      live("good", "live");
    } catch (error) {
      const since = heard ? `; what is shown is ${age((Date.now() - heard) / 1000)} old` : "";
      live("bad", "no answer");
      fill($("banners"), banner("bad", `The agent does not answer${since}. (${error.message})`));
    }
    timer = setTimeout(turn, PAUSE);
  };

  // A link to an answer: #10.96.0.10
  const remember = (text) => window.history.replaceState(null, "", text ? `#${encodeURIComponent(text)}` : location.pathname);
  const answer = () => {
    showPeers([...peerNodes.values()].map((node) => node.peer));
    showRoutes();
    explain();
  };
  const fromHash = () => {
    const text = location.hash.slice(1);
    // Anybody can write a link, and one that is not encoded right must not stop the page.
    try { $("query").value = decodeURIComponent(text); } catch { $("query").value = text; }
  };
  $("search").addEventListener("submit", (event) => event.preventDefault());
  $("query").addEventListener("input", () => {
    remember($("query").value.trim());
    answer();
  });
  window.addEventListener("hashchange", () => { fromHash(); answer(); });
  document.addEventListener("visibilitychange", turn);
  fromHash();
  turn();
})();
