/**
 * Every bound of the system in one place, with its unit last in the name and a line of why.
 * The Prolog side gets its limits from here when the agent starts it. Relations that must hold
 * between limits are asserted at the end, so a changed number that breaks another fails at load.
 */

/** Text of one query (DESIGN, SHARP-EDGES 8): parsing is an attack surface. */
export const QUERY_TEXT_BYTES = 64 * 1024;
/** A request body: the query text JSON-escaped (at most 6 bytes a byte for control characters) plus its envelope. */
export const REQUEST_BODY_BYTES = 512 * 1024;
export const TERM_DEPTH = 100;
/** A name in a question: a site's own are far shorter, and a long one would stand in every step of every proof. */
export const NAME_CHARACTERS = 256;
/** 2^256 has 78 decimal digits. */
export const NUMBER_DIGITS = 78;
export const INTEGER_BITS = 256;
export const QUERY_VARIABLES = 200;

/** Facts that one question may assume or take away; the same number stands in kb/proof/assume.pl. */
export const ASSUMPTIONS = 32;

/** Answers of one question at one site; more is refused, never cut off silently. */
export const ANSWERS = 1000;
/** Steps of one proof. */
export const PROOF_STEPS = 10_000;
/** What checking a proof may cost for each node of its term and of the query: an honest proof takes about two. */
export const PROOF_WORK_PER_NODE = 64;
/** Ways to read one list of premises that a checker follows at once, where a question has disjunctions. */
export const PROOF_READINGS = 64;
/** A reply larger than this is a fault of the site: 1,000 answers of 10 KB. */
export const REPLY_BYTES = 16 * 1024 * 1024;
/** Replies that a site signs together: a path has one hash for each doubling, and a reply's header lines at most six (shared/src/reply.ts). */
export const SIGNED_AT_ONCE = 64;
/** Depth of a term in a reply: right-nested conjunctions of a large question stay below it. */
export const REPLY_TERM_DEPTH = 1000;

/** Wall-clock budget of one question inside Prolog. */
export const QUESTION_WALL_MS = 2_000;
/** Inference budget: about twice what the wall budget allows on a small machine. */
export const QUESTION_INFERENCES = 20_000_000;
/** Stack of a Prolog thread that answers (SHARP-EDGES 9: it is the first wall, before time). */
export const QUESTION_STACK_BYTES = 32 * 1024 * 1024;
export const QUESTION_TABLE_BYTES = 16 * 1024 * 1024;
/** Questions that run at once in pengines of one site; the next is refused with `busy`. */
export const QUESTIONS_AT_ONCE = 3;
/** Of these, for one caller: a certificate, a token, or all of loopback without one. */
export const CALLER_QUESTIONS_AT_ONCE = 2;
/** Connections of the lane, each with a warm thread: two cores, and what waits for a lock. */
export const LANE_WORKERS = 4;
/** Quick questions that one of them is given at once, and what is quick: the last of them waits 16 ms at most. */
export const LANE_QUICK_AT_ONCE = 8;
export const LANE_QUICK_MICROS = 2_000;
/** Questions on the lane, running and waiting: at a thousand a second the last waits a quarter of one. */
export const LANE_QUESTIONS = 256;
export const CALLER_LANE_QUESTIONS = LANE_QUESTIONS / 2;
/** Creates that the door remembers as read, and the longest body of one: 1 MiB together. */
export const KNOWN_CREATES = 256;
export const KNOWN_CREATE_BYTES = 4 * 1024;
/** A cancelled question that still runs by then hangs in one call of C. */
export const CANCEL_MS = 1_000;
/** Standing questions of one site: a few coordinators with a screen of views each. */
export const WATCHES = 64;
export const CALLER_WATCHES = 48;
/** A watch takes at most this share of the engine's core: it rests so many times as long as its last look took there. */
export const WATCH_REST = 4;
/** It rests so long at least: each event costs its site a signature and its coordinator a check, half a millisecond each. */
export const WATCH_REST_LEAST_MS = 10;
/** A watch that found every place taken looks again after this, and up to as much more. */
export const WATCH_RETRY_MS = 200;
/**
 * A watch with nothing to tell says this often that it lives. It is for agents that hang: a machine that is gone is noticed by TCP's own
 * keep-alive after a minute or so, which costs nobody a processor. A line costs its coordinator half a millisecond, from a thousand sites.
 */
export const WATCH_ALIVE_MS = 120_000;
/** A coordinator gives up a watch that said nothing for this long: two signs of life are missing. */
export const WATCH_SILENCE_MS = 2 * WATCH_ALIVE_MS + 5_000;
/** The reader of a watch that has read nothing for this long is gone. */
export const WATCH_STALL_MS = 60_000;
/** Pengine sessions that one site keeps open (each holds a thread). */
export const PENGINE_SESSIONS = 32;
export const CALLER_SESSIONS = PENGINE_SESSIONS / 2;
export const PENGINE_IDLE_MS = 60_000;
/** What the agent waits for Prolog's reply beyond the wall budget: parse, prove, render, transfer. */
export const AGENT_SLACK_MS = 1_000;
export const AGENT_REPLY_MS = QUESTION_WALL_MS + AGENT_SLACK_MS;
/** A fleet question's deadline where the asker names none. */
export const FLEET_DEADLINE_MS = 5_000;
export const FLEET_DEADLINE_MAX_MS = 60_000;
/** Requests that a coordinator has under way at once. */
export const FANOUT_AT_ONCE = 256;
/** A site that has not answered by then gives its place among those to the next; its question goes on to the deadline. */
export const FANOUT_SLOT_MS = 250;
/** Replies are checked so long before others are read again: some twenty of them, and far below any deadline. */
export const CHECK_SLICE_MS = 4;
/** What came just before the deadline may still be checked: half of the 50 ms that an answer may come after it. */
export const LATE_CHECK_MS = 25;
/** Sites that one coordinator is made for. */
export const FLEET_SITES = 1_000;
/** Fleet questions that a coordinator works on at once; the next is refused with `busy`. */
export const FLEET_QUESTIONS_AT_ONCE = 16;
/** An expression that names targets: fifty conditions of eighty characters. */
export const WHERE_CHARACTERS = 4_096;
export const WHERE_DEPTH = 50;
/** Rows of a fleet question that are ordered and cut, and rows that a join gives: a table, not a data set. */
export const FLEET_ROWS = 10_000;
export const ORDER_KEYS = 8;
/** Goals of one join: each is a question to its targets. */
export const JOIN_PARTS = 4;
/** Rows that a join takes in, over all its parts: a hundred a site over a thousand sites. */
export const JOIN_INPUT_ROWS = 100_000;
/** Questions whose size the coordinator remembers, for plans. */
export const KNOWN_SIZES = 1_000;
/** An idle HTTP/2 session to a site is kept for this long: a new one costs a TLS handshake. */
export const SESSION_IDLE_MS = 10 * 60_000;
/** Pengines that a coordinator keeps, none with a thread: each holds the rows that its client has not fetched yet. */
export const DOOR_PENGINES = 64;
export const DOOR_CALLER_PENGINES = DOOR_PENGINES / 2;
/** Distinct answers of a fleet that one pengine gives. */
export const DOOR_ROWS = 50_000;
/** Coordinators above a site, at most: a fleet of fleets of fleets, and one to spare. */
export const COMPOSITION_LEVELS = 4;
/** What each coordinator keeps of a question's deadline for itself: to pass the question on, and what comes back. */
export const LEVEL_SLACK_MS = 250;
/** A name for each coordinator above a site, and its own: DNS labels with / between them. */
export const SITE_PATH_CHARACTERS = (COMPOSITION_LEVELS + 1) * 64;
/** Sites that a coordinator takes over from one below it. */
export const ROSTER_SITES = 4_000;
/** A roster: a key, labels and a name for each site take about 500 bytes. */
export const ROSTER_BYTES = 8 * 1024 * 1024;
/** How often a roster is asked for again, beside whenever a reply says that it changed. */
export const ROSTER_REFRESH_MS = 30_000;
export const ROSTER_TIMEOUT_MS = 5_000;
/** Connections to one stock Pengine server. */
export const STOCK_CONNECTIONS = 4;
/** SWI-Prolog's server ends a connection that was idle for two seconds: ours ends before, so that none is used at that moment. */
export const STOCK_IDLE_MS = 1_000;
/** A stock server gets this long to hear that a pengine is to end. */
export const STOCK_FAREWELL_MS = 2_000;
/** Body of a site's refusal (a code and a sentence); a proof never comes with one. */
export const REFUSAL_BYTES = 64 * 1024;
/** What is shown of a message that a site wrote. */
export const SITE_MESSAGE_CHARACTERS = 500;

/** Questions that stand at one coordinator at once, and keep a stream to every target: fewer than a site keeps for one caller. */
export const FLEET_VIEWS = 32;
/** The first state of a view comes when every target has told its answer, or after this: who is late then comes as a change. */
export const VIEW_FIRST_MS = 2_000;
/** A view without readers stays this long: a page that is loaded again finds it. */
export const VIEW_LINGER_MS = 10_000;
/** Changes that wait for one reader; who is further behind gets the state instead. */
export const VIEW_BACKLOG_EVENTS = 1_000;
/** Streams that are being opened at once: each may need a TLS handshake. */
export const VIEW_OPENINGS_AT_ONCE = 64;
/** One that has not come about by then gives its place to the next, and goes on: sites that never answer do not keep the others from it. */
export const VIEW_OPENING_SLOT_MS = 1_000;
/** One that has not come about by then is given up. Longer than a question's deadline: a thousand handshakes share a core. */
export const VIEW_OPENING_MS = 10_000;
/** Waits before a stream that was lost is opened again: the first, and the longest. */
export const VIEW_RETRY_MS = 250;
export const VIEW_RETRY_LONGEST_MS = 30_000;
/** Answers from views that are kept until something changes. */
export const LIVE_ANSWERS = 64;
/** One look for all streams that have been silent too long. */
export const VIEW_LOOK_MS = 5_000;
/** A change of the registry is followed within this. */
export const REGISTRY_LOOK_MS = 1_000;
/** One event: a reply, escaped as JSON. */
export const WATCH_EVENT_BYTES = 2 * REPLY_BYTES;
/** Events that have come in part, over all streams of a coordinator. */
export const VIEW_HELD_BYTES = 4 * WATCH_EVENT_BYTES;

/** Queries that alert: they stand for ever, and leave room for the views of readers. */
export const FLEET_ALERTS = 16;
/** fleet-alerts.json: so many queries with their webhooks. */
export const FLEET_ALERTS_FILE_BYTES = 256 * 1024;
/** A site that has not been seen for this long is news to those who are told of its alerts: longer than a restart. */
export const FLEET_ALERT_LOSE_MS = 30_000;
/** What could not be written, or does not stand yet, is tried again after this. */
export const FLEET_ALERT_RETRY_MS = 5_000;

/** A subscription over SSE says this often that it lives, and its client begins anew after this much silence. */
export const SSE_PING_MS = 15_000;
export const SSE_SILENCE_MS = 3 * SSE_PING_MS;
/** WebSocket clients of one coordinator: pages that are open and programs that watch. */
export const WEBSOCKET_CLIENTS = 256;
export const WEBSOCKET_PING_MS = 30_000;
/** What a client says over WebSocket is a request like any other. */
export const WEBSOCKET_MESSAGE_BYTES = REQUEST_BODY_BYTES;
/** What was sent to a client and not read yet; past that, it gets the newest state later instead of every change now. */
export const WEBSOCKET_BACKLOG_BYTES = 4 * 1024 * 1024;

/** Sentences that one process translates at once, those that wait for the model included; and of one caller. */
export const SENTENCES_AT_ONCE = 8;
export const CALLER_SENTENCES_AT_ONCE = 4;
/** A translation that is not there by then is given up: the shipped model takes 10 ms, one of 8B on two cores ten seconds. */
export const SENTENCE_MS = 30_000;
/** Sites whose translator is tried for one sentence, where none is named. */
export const FLEET_TRANSLATORS_TRIED = 3;
/** What one of them gets that there is no session with yet: a handshake, and the first start of its model's process. */
export const FLEET_TRANSLATOR_MS = 8_000;
/** A coordinator's translator collects the names of its sites again after this. */
export const FLEET_NAMES_MS = 60_000;
/** A translation, or what was said instead: a few queries with their words. */
export const TRANSLATION_BYTES = 256 * 1024;
/** The log of translations, and the one before it: five thousand sentences each. */
export const TRANSLATION_LOG_BYTES = 1024 * 1024;
/** Lines of it that wait for the disk; more are dropped. */
export const TRANSLATION_NOTES_WAITING = 64;

/** Answers that the page of one question shows; scripts and the command line get all. */
export const PAGE_ANSWERS = 500;

/** History of fleet answers: rows, age and room; what is past any of them goes, the oldest first. A question a minute is a week. */
export const HISTORY_ROWS = 10_000;
export const HISTORY_AGE_MS = 90 * 24 * 60 * 60_000;
export const HISTORY_BYTES = 1024 * 1024 * 1024;
/** Rows that stay whatever their age: a clock set far ahead must not empty the history. */
export const HISTORY_ROWS_LEAST = 100;
/** Rows that one commit prunes at most. */
export const HISTORY_PRUNED_AT_ONCE = 500;
/** Answers that come within this share one fsync. */
export const HISTORY_COMMIT_MS = 100;
/** An answer given again and again is counted for so long before a row is made of it; of so many answers at once. */
export const HISTORY_AGAIN_MS = 60_000;
export const HISTORY_AGAIN_WAITING = 64;
/** A history that could not be written is tried again after this. */
export const HISTORY_RETRY_MS = 1_000;
/** Rows of one commit. */
export const HISTORY_BATCH = 256;
/** Answers that wait to be written: so many sites and answers in them together, and so many bytes; one more is counted as lost. */
export const HISTORY_WAITING_PARTS = 200_000;
export const HISTORY_WAITING_BYTES = 32 * 1024 * 1024;
/** Sites or answers that are made into bytes between two turns of the event loop: under a millisecond. */
export const HISTORY_PORTION = 100;
/** Content of one row when it is unpacked: replies of all sites at their largest would not fit any memory either. */
export const HISTORY_ROW_BYTES = 256 * 1024 * 1024;
/** A checkpoint is seven short lines. */
export const HISTORY_CHECKPOINT_BYTES = 4 * 1024;
/** Rows of the list where the caller names no number, and at most. */
export const HISTORY_PAGE = 20;
export const HISTORY_PAGE_MOST = 1_000;
/** Questions whose last known answers are kept, those asked last; and the largest answer of one site that is. */
export const LAST_KNOWN_QUESTIONS = 128;
export const LAST_KNOWN_BYTES = 64 * 1024;
/** Last known answers go to the disk at this pace: a crash makes them so much older. */
export const LAST_KNOWN_EVERY_MS = 10_000;
/** Questions whose last known answers wait for that; with one more, they go at once. */
export const LAST_KNOWN_WAITING = 8;

/** Events of a subscription that wait for a script to read them. */
export const SCRIPT_EVENTS_WAITING = 100_000;
/** How often a script's connection asks whether the coordinator is there, and how long it waits for a word. */
export const SCRIPT_PING_MS = 10_000;

/** The fleet's authority is made once; a new one means that every site joins again. */
export const AUTHORITY_VALID_DAYS = 3_650;
/** Certificates of sites and of the coordinator. */
export const CERTIFICATE_VALID_DAYS = 397;
/** The coordinator replaces its own certificate when less than this is left. */
export const CERTIFICATE_RENEW_DAYS = 30;
/** The authority renews its own certificate, for the same key, when less than this is left: every site then has it before the old one ends. */
export const AUTHORITY_RENEW_DAYS = 2 * CERTIFICATE_VALID_DAYS;
/** How often a coordinator looks at its own certificates. */
export const CERTIFICATE_LOOK_MS = 60 * 60_000;
/** The longest that an invitation may be open, and how long it is where nobody says. */
export const INVITATION_VALID_MS = 30 * 24 * 60 * 60_000;
export const INVITATION_DEFAULT_MS = 24 * 60 * 60_000;
/** Labels of one site, and the length of a name or a value. */
export const LABELS = 32;
export const LABEL_CHARACTERS = 63;
/** A body of /join, /renew or /moved: a signing request, a secret, an address. */
export const MEMBERSHIP_BODY_BYTES = 16 * 1024;
/** Joins, renewals and announcements that a coordinator works on at once; each costs two signatures. */
export const MEMBERSHIP_AT_ONCE = 8;
/** Those that may wait behind them, about a second's work; the next is told to come again. */
export const MEMBERSHIP_WAITING = 64;
/** When a site that was told so comes again at the earliest. */
export const MEMBERSHIP_RETRY_AFTER_S = 2;
/** Connections of a coordinator's TLS listener. More are dropped, and who was dropped comes again later. */
export const TLS_CONNECTIONS = 512;
/** A site that starts tells the coordinator within this: a thousand that start at once are spread over it. */
export const ANNOUNCE_SPREAD_MS = 10_000;
/** Then it tells again, so that a second one with its certificate is noticed. */
export const ANNOUNCE_EVERY_MS = 60 * 60_000;
/** How soon a site notices that its own address changed. */
export const ADDRESS_LOOK_MS = 30_000;
/** Waits of a site between tries are drawn from a range: the first, and the longest. */
export const MEMBERSHIP_RETRY_MS = 2_000;
export const MEMBERSHIP_LONGEST_WAIT_MS = 10 * 60_000;
/** Tries of `logic-node join` before it gives up: some minutes. */
export const JOIN_TRIES = 8;
/** A try that is not answered by then has failed. */
export const MEMBERSHIP_TIMEOUT_MS = 20_000;
/** What a coordinator waits for a site that it looks at, to see whether it is there twice. */
export const PROBE_MS = 2_000;
export const PROBES_AT_ONCE = 64;
/** Announcements that wait for theirs; the next is told to come again. */
export const ANNOUNCEMENTS_WAITING = 256;
/** Two with one key are looked at again after this: an agent that is restarted has ended by then. */
export const CLONE_LOOK_AGAIN_MS = 3_000;
/** A TLS session with a site may be resumed for this long after its handshake: a network that was away for a night. */
export const TICKET_VALID_S = 12 * 60 * 60;
/** TLS handshakes with sites at once, and after how long one that hangs no longer counts: so long where none came about yet, longer where all are slow. */
export const HANDSHAKES_AT_ONCE = 64;
export const HANDSHAKE_SLOT_MS = 150;
export const HANDSHAKE_SLOT_MOST_MS = 2_000;
/** The highest revisions seen are written to the disk this often. */
export const REVISIONS_KEPT_MS = 30_000;
/** A certificate signing request: a P-256 key, a name and a signature are under 1 KiB. */
export const SIGNING_REQUEST_BYTES = 8 * 1024;

/** Clock difference between coordinator and site past which a reply is rejected. */
export const CLOCK_SKEW_MS = 30_000;

/** Swipl restart backoff: first and longest wait. The first is short, so that a killed engine is back in under 2 s. */
export const RESTART_FIRST_MS = 50;
export const RESTART_LONGEST_MS = 10_000;
/** A start that is not ready by then has failed. */
export const ENGINE_START_MS = 15_000;
/** Heartbeat of a ready engine. */
export const ENGINE_CHECK_MS = 5_000;
/** Functors are never collected (SHARP-EDGES 8): an engine that grew by so many (13 MB) is recycled. */
export const ENGINE_FUNCTORS_GROWTH = 100_000;

/** The text under kb/state follows a commit within this (DESIGN section 3: two seconds). */
export const STATE_TEXT_MS = 1_000;
/** Journal rows are kept for this many revisions behind the text: enough to look back a day at one batch every 5 s. */
export const JOURNAL_REVISIONS_KEPT = 20_000;
/** One batch of observations, one transaction. */
export const BATCH_OBSERVATIONS = 10_000;
/** Revisions that one commit to Prolog makes at most, when it is behind. */
export const COMMIT_REVISIONS = 1_000;

/** Evidence that never goes stale: what the agent itself decided. The largest integer that both languages have. */
export const FOREVER = Number.MAX_SAFE_INTEGER;
/** What an operator wrote into the state text without evidence of its own holds for a day: a shift, and the next. */
export const OPERATOR_VALID_MS = 24 * 60 * 60_000;
/** The longest that somebody may vouch for a fact that he pushes. */
export const PUSH_VALID_MS = 366 * 24 * 60 * 60_000;
/** How soon the agent notices that the wall clock was set. */
export const CLOCK_LOOK_MS = 1_000;

/** Changes of alerts that one pass applies; what is left comes with the next. */
export const ALERT_CHANGES = 500;
/** An alert pass takes at most this share of one core: the next waits so many times as long as the last one took. */
export const ALERT_PASS_REST = 4;
/** Changes of alerts that are remembered: a site with one a minute looks back a week. */
export const ALERT_HISTORY = 10_000;
/** What `site.alerts` gives of them at most. */
export const ALERT_HISTORY_PAGE = 1_000;
/** Webhooks of one site. */
export const WEBHOOKS = 16;
/** alerts.json: 16 addresses. */
export const ALERTS_FILE_BYTES = 64 * 1024;
/** A receiver that has not answered by then is tried again. */
export const WEBHOOK_TIMEOUT_MS = 10_000;
/** Waits between tries: the first, and the longest. */
export const WEBHOOK_RETRY_MS = 1_000;
export const WEBHOOK_LONGEST_WAIT_MS = 5 * 60_000;

/** Collector schedule of a site's own host. */
export const HOST_COLLECT_MS = 5_000;
/** A host reading is evidence for three schedules: two may be missed. */
export const HOST_VALID_MS = 3 * HOST_COLLECT_MS;

/** The pace of a collector of collectors.json that names none, and what it may be set to. */
export const COLLECT_EVERY_MS = 15_000;
export const COLLECT_EVERY_LEAST_MS = 1_000;
export const COLLECT_EVERY_MOST_MS = 60 * 60_000;
/** A pass that has not ended by then is given up: a source that answers at all answers in a second or two. */
export const COLLECT_TIMEOUT_MS = 10_000;
/** What a collector saw is evidence for so many of its turns: two may be missed. */
export const COLLECT_VALID_TURNS = 3;
/** The longest wait after failures: a source that is back is seen within this. */
export const COLLECT_LONGEST_WAIT_MS = 2 * 60_000;
/** A site calls itself ready without the first pass of a collector that takes longer. */
export const COLLECT_FIRST_MS = 2_000;
/** A stop does not wait longer for a pass that does not react to being called off. */
export const COLLECT_STOP_MS = 1_000;
/** One body of a source: a Proxmox cluster of 2,000 VMs lists them in 1 MiB, node_exporter writes 100 KiB. */
export const COLLECT_BODY_BYTES = 4 * 1024 * 1024;
/** All that upsd says on one connection: a UPS has about 100 variables of under 100 bytes. */
export const UPS_REPLY_BYTES = 256 * 1024;
/** Collectors of one site; each has a timer and at most a few connections. */
export const COLLECTORS = 200;
/** collectors.json: 200 targets of under 1 KiB. */
export const COLLECTORS_FILE_BYTES = 256 * 1024;
/** A token or password in a file of its own. */
export const SECRET_FILE_BYTES = 4 * 1024;
/** File systems of one machine that are worth a fact; a host of containers mounts thousands. */
export const MOUNTS_OF_A_NODE = 32;

/** Temperatures of this long make the trend: longer than a fan's cycle, shorter than an afternoon. */
export const TREND_WINDOW_MS = 10 * 60_000;
/** Readings that lie closer together than this give no trend: it would be noise. */
export const TREND_SPAN_LEAST_MS = 60_000;
export const TREND_READINGS_LEAST = 4;
/** One reading a second over the window. */
export const TREND_READINGS_MOST = 600;

/** A local fleet that is not up by then says so: an engine's longest start, and all of them share two cores. */
export const LOCAL_START_MS = 2 * ENGINE_START_MS;
/** What a child of a local fleet gets to end by itself before it is killed. */
export const LOCAL_STOP_MS = 4_000;
/** Sample sites of a local fleet: each costs about 130 MB and two processes. */
export const LOCAL_SITES = 30;

/** The semantic process: completions that wait behind the one under way; the next is told to come again. */
export const SEMANTIC_WAITING = 8;
export const SEMANTIC_RETRY_AFTER_S = 1;
/** A request to it: a grammar over the whole catalogue is under 20 KB, an instruct model's prompt with examples the same again. */
export const SEMANTIC_BODY_BYTES = 256 * 1024;
/** A reply of it: 256 tokens with their probabilities. */
export const SEMANTIC_REPLY_BYTES = 1024 * 1024;
/** Tokens of prompt and completion together where nobody says: a sentence and a query have under 100. */
export const SEMANTIC_CONTEXT_TOKENS = 256;
export const SEMANTIC_CONTEXT_TOKENS_MOST = 32_768;
/** Tokens of one completion where the request names no number. */
export const SEMANTIC_PREDICT_TOKENS = 96;
/** What the process may have resident beyond one and a half times its model: it has 115 MB with the shipped one. */
export const SEMANTIC_MEMORY_BYTES = 200 * 1024 * 1024;
/** How often it looks at that. */
export const SEMANTIC_MEMORY_LOOK_MS = 500;
/** A completion that is not there by then is late: of the shipped model, with its first start, and of an instruct model of 8B on two cores. */
export const SEMANTIC_REPLY_MS = 5_000;
export const SEMANTIC_INSTRUCT_REPLY_MS = 28_000;
/** An instruct model's prompt tells it the catalogue's own words, with examples. */
export const SEMANTIC_INSTRUCT_CONTEXT_TOKENS = 4_096;
/** What it gets to end by itself. */
export const SEMANTIC_STOP_MS = 1_500;
/** `NAME.json` beside a model: its words are most of it. */
export const MODEL_SETTINGS_BYTES = 1024 * 1024;
/** `sha256sums` of a folder of models. */
export const MODEL_SUMS_BYTES = 64 * 1024;
/** V8's flags of the semantic process: its model is no part of the heap, and it says itself when there is garbage. */
export const SEMANTIC_HEAP_FLAGS = [
  '--max-semi-space-size=1',
  '--max-old-space-size=32',
  '--expose-gc',
] as const;

/** Memory the design allows an agent, Node and swipl together. */
export const AGENT_MEMORY_BYTES = 512 * 1024 * 1024;
/** V8's heap flags (SHARP-EDGES 13), set by launchers and units. */
export const NODE_HEAP_FLAGS = ['--max-semi-space-size=5', '--max-old-space-size=96'] as const;
/**
 * The same for a coordinator: a thousand sessions and the answers of FLEET_QUESTIONS_AT_ONCE fleet questions do not fit an agent's heap.
 * A young generation that holds a fan-out does not copy it: of 3,000 sites it takes 441 us of CPU a site for 496 with 16 MB.
 */
export const COORDINATOR_HEAP_FLAGS = ['--max-semi-space-size=32', '--max-old-space-size=1024'] as const;

const relations: ReadonlyArray<readonly [string, boolean]> = [
  ['an agent gives up before a fleet question does', AGENT_REPLY_MS < FLEET_DEADLINE_MS],
  [
    'every site of a fleet has been asked in time to answer, even if all are slow',
    Math.ceil(FLEET_SITES / FANOUT_AT_ONCE) * FANOUT_SLOT_MS <= FLEET_DEADLINE_MS - AGENT_REPLY_MS,
  ],
  ['what a join gives it can take in', FLEET_ROWS <= JOIN_INPUT_ROWS],
  ['a page of the history is shorter than what is kept', HISTORY_PAGE_MOST < HISTORY_ROWS],
  ['the history prunes faster than it grows', HISTORY_BATCH < HISTORY_PRUNED_AT_ONCE],
  [
    'a site below every level of coordinators still answers in time',
    AGENT_REPLY_MS + COMPOSITION_LEVELS * LEVEL_SLACK_MS <= FLEET_DEADLINE_MS,
  ],
  ['a certificate is renewed while it is valid', CERTIFICATE_RENEW_DAYS < CERTIFICATE_VALID_DAYS],
  [
    'a site renews at least once between the renewal of the authority and its end',
    CERTIFICATE_VALID_DAYS < AUTHORITY_RENEW_DAYS && AUTHORITY_RENEW_DAYS < AUTHORITY_VALID_DAYS,
  ],
  [
    'a site is looked at, and again, while it waits for its reply',
    2 * PROBE_MS + CLONE_LOOK_AGAIN_MS < MEMBERSHIP_TIMEOUT_MS / 2,
  ],
  [
    'handshakes that hang leave time for the others',
    (FLEET_SITES / HANDSHAKES_AT_ONCE) * HANDSHAKE_SLOT_MS < FLEET_DEADLINE_MS / 2,
  ],
  ['the authority outlives what it issues', CERTIFICATE_VALID_DAYS < AUTHORITY_VALID_DAYS],
  [
    'every translator that is tried has its turn',
    FLEET_TRANSLATORS_TRIED * FLEET_TRANSLATOR_MS < SENTENCE_MS,
  ],
  ['one caller cannot have every place for sentences', CALLER_SENTENCES_AT_ONCE < SENTENCES_AT_ONCE],
  ['a query fits its request', QUERY_TEXT_BYTES * 6 < REQUEST_BODY_BYTES],
  [
    'running questions fit the memory ceiling',
    (QUESTIONS_AT_ONCE + LANE_WORKERS) * 2 * QUESTION_STACK_BYTES <= AGENT_MEMORY_BYTES,
  ],
  [
    'a sentence of the longest is answered in time, even behind others',
    SEMANTIC_WAITING * 100 < SEMANTIC_REPLY_MS,
  ],
  ['a completion fits its context', SEMANTIC_PREDICT_TOKENS < SEMANTIC_CONTEXT_TOKENS],
  ['alerts leave views to readers', FLEET_ALERTS < FLEET_VIEWS],
  ['a coordinator has a watch at each site for each view', FLEET_VIEWS <= CALLER_WATCHES],
  ['a watch keeps its session open', WATCH_ALIVE_MS < SESSION_IDLE_MS],
  ['one caller cannot have all watches', CALLER_WATCHES < WATCHES],
  ['a watch has a place on the lane', WATCHES <= CALLER_LANE_QUESTIONS],
  ['a running question has a session', QUESTIONS_AT_ONCE <= PENGINE_SESSIONS],
  ['state text is on disk in time', STATE_TEXT_MS < 2_000],
  ['a host reading outlives its schedule', HOST_VALID_MS >= 2 * HOST_COLLECT_MS],
  [
    'a reading outlives a pass that timed out',
    COLLECT_VALID_TURNS >= 3 && COLLECT_TIMEOUT_MS <= COLLECT_EVERY_MS,
  ],
  [
    'a trend has its readings',
    TREND_SPAN_LEAST_MS < TREND_WINDOW_MS && TREND_READINGS_LEAST <= TREND_READINGS_MOST,
  ],
];
for (const [relation, holds] of relations)
  if (!holds) throw new Error(`limits.ts: broken relation: ${relation}`);
