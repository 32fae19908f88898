package program

import (
	"strconv"
	"sync"
	"time"
)

const mebibyte = 1 << 20

// repository is an image repository: its published tags, and how the program
// in each differs from the base.
type repository struct {
	name string
	base Program
	tags map[string]func(*Program)
}

// unknown is the program of images that the catalogue does not have.
func unknown(name string) Program {
	return Program{Name: name, Style: Plain, Rate: 0.05, CPU: 3, Memory: 24 * mebibyte, Starts: time.Second}
}

// quiet is what a program without messages of its own says.
func quiet() []Message {
	return []Message{{Level: "info", Text: "still here"}}
}

// published holds the program of each tag by the repository's last name. It is
// computed once and only read.
var published = sync.OnceValue(func() map[string]map[string]Program {
	all := make(map[string]map[string]Program)
	for _, list := range [][]repository{shop(), platform(), {flood()}} {
		for _, r := range list {
			tags := make(map[string]Program, len(r.tags))
			for tag, change := range r.tags {
				p := r.base
				p.Name = r.name
				if change != nil {
					change(&p)
				}
				tags[tag] = p
			}
			all[r.name] = tags
		}
	}
	return all
})

// same lists tags that all hold the base program.
func same(tags ...string) map[string]func(*Program) {
	m := make(map[string]func(*Program), len(tags))
	for _, tag := range tags {
		m[tag] = nil
	}
	return m
}

// shop returns the shop's own images.
func shop() []repository {
	return []repository{
		{
			name: "storefront",
			base: Program{
				Style: Access, Rate: 3, CPU: 20, Load: 700, Memory: 96 * mebibyte, Starts: 2 * time.Second,
				Messages: []Message{
					{Text: `"GET {path} HTTP/1.1" {status} {id} "-" "Mozilla/5.0 (X11; Linux x86_64)"`, Weight: 60},
					{Text: `"POST /api/v1/cart HTTP/1.1" 201 {n} "-" "Mozilla/5.0 (iPhone; CPU iPhone OS 26_1)"`},
					{Text: `"GET /healthz HTTP/1.1" 200 2 "-" "kube-probe/1.36"`, Weight: 20},
					{Text: `"GET /robots.txt HTTP/1.1" 404 19 "-" "Googlebot/2.1"`, Weight: 1},
				},
			},
			tags: same("5.10.0", "5.11.2", "5.12.0"),
		},
		{
			name: "catalog",
			base: Program{
				Style: JSON, Rate: 2, CPU: 60, Memory: 180 * mebibyte, Starts: 3 * time.Second,
				Messages: []Message{
					{Text: "request", Fields: "method=GET path=/api/v1/products/{sku} status={status} ms={ms} trace={hex}", Weight: 50},
					{Text: "cache refreshed", Fields: "entries={id} ms={ms}", Weight: 4},
					{Level: "debug", Text: "cache hit", Fields: "sku={sku}", Weight: 12},
					{Level: "warn", Text: "slow query", Fields: "table=products ms=1{id}", Weight: 1},
				},
			},
			tags: same("v3.1.0", "v3.2.0", "v3.2.1"),
		},
		{
			name: "search",
			base: Program{
				Style: Java, Rate: 1.2, CPU: 40, Load: 520, Memory: 620 * mebibyte, Starts: 5 * time.Second,
				Messages: []Message{
					{Text: "query", Fields: "q={sku} hits={n} took={ms}ms", Weight: 60},
					{Text: "segment merged", Fields: "docs={id} took={ms}ms", Weight: 4},
					{Level: "error", Text: "query failed, falling back to replica shard", Weight: 1, Trace: []string{
						"java.util.concurrent.TimeoutException: shard 3 did not answer within 500 ms",
						"\tat com.example.search.Shards.await(Shards.java:214)",
						"\tat com.example.search.Query.run(Query.java:88)",
						"\tat java.base/java.util.concurrent.ThreadPoolExecutor.runWorker(ThreadPoolExecutor.java:1144)",
						"\tat java.base/java.lang.Thread.run(Thread.java:1583)",
						"Caused by: java.net.SocketTimeoutException: Read timed out",
						"\tat java.base/sun.nio.ch.NioSocketImpl.timedRead(NioSocketImpl.java:278)",
						"\t... 4 more",
					}},
				},
			},
			tags: map[string]func(*Program){
				"3.4.1": nil,
				"3.5.0": nil,
				// Ranks every hit twice: three times the work for the same queries.
				"3.6.0": func(p *Program) { p.Load *= 4 },
			},
		},
		{
			name: "cart",
			base: Program{
				Style: Logfmt, Rate: 1.5, CPU: 35, Memory: 90 * mebibyte, Starts: 2 * time.Second,
				Messages: []Message{
					{Text: "item added", Fields: "user={user} sku={sku} qty={n}", Weight: 30},
					{Text: "cart loaded", Fields: "user={user} items={n} ms={ms}", Weight: 30},
					{Level: "warn", Text: "stale session, cart rebuilt", Fields: "user={user}", Weight: 1},
				},
			},
			tags: same("v1.8.3", "v1.9.0"),
		},
		{
			name: "wishlist",
			base: Program{
				Style: Logfmt, Rate: 0.6, CPU: 12, Memory: 60 * mebibyte, Starts: 2 * time.Second,
				Messages: []Message{
					{Text: "list shared", Fields: "user={user} items={n}"},
					{Text: "위시리스트 저장 완료", Fields: "user={user} sku={sku}", Weight: 4},
				},
			},
			tags: same("v0.7.1", "v0.8.0"),
		},
		{
			name: "checkout",
			base: Program{
				Style: Plain, Rate: 1.5, CPU: 70, Memory: 140 * mebibyte, Starts: 1500 * time.Millisecond,
				Messages: []Message{
					{Text: "charge ok", Fields: "order={id} ms={ms}", Weight: 50},
					{Text: "order placed", Fields: "order={id} user={user} items={n}", Weight: 20},
					{Level: "warn", Text: "retry 2 of 5", Fields: "upstream=ledger order={id}", Weight: 2},
					{Level: "info", Text: "결제가 완료되었습니다", Fields: "order={id} user={user}", Weight: 4},
				},
			},
			tags: map[string]func(*Program){
				"v2.2.7": nil,
				"v2.3.0": nil,
				// Reads its database's address from a variable that no manifest sets yet.
				"v2.3.1": func(p *Program) { p.Needs = []string{"DB_URL"} },
			},
		},
		{
			name: "ledger",
			base: Program{
				Style: JSON, Rate: 1, CPU: 90, Memory: 420 * mebibyte, Starts: 4 * time.Second,
				Messages: []Message{
					{Text: "entry written", Fields: "entry={id} account={user} ms={ms}", Weight: 40},
					{Text: "snapshot", Fields: "entries={id} ms={ms}", Weight: 2},
					{Level: "warn", Text: "follower lags", Fields: "follower=ledger-2 entries={n}", Weight: 1},
				},
			},
			tags: same("v8", "v9"),
		},
		{
			name: "fraud-check",
			base: Program{
				Style: Java, Rate: 0.8, CPU: 120, Memory: 1400 * mebibyte, Starts: 6 * time.Second,
				Messages: []Message{
					{Text: "scored", Fields: "order={id} score=0.{n} took={ms}ms", Weight: 40},
					{Text: "model reloaded", Fields: "features={id}", Weight: 1},
					{Level: "warn", Text: "feature store slow, using cached features", Weight: 1, Trace: []string{
						"com.example.features.StaleException: features are {n} s old",
						"\tat com.example.features.Store.read(Store.java:131)",
						"\tat com.example.fraud.Scorer.score(Scorer.java:57)",
					}},
				},
			},
			tags: map[string]func(*Program){
				"2026.10": nil,
				"2026.11": nil,
				// Waits for a migration that nobody runs.
				"2026.12": func(p *Program) {
					p.Unready = "HTTP probe failed with statuscode: 503"
					p.Messages = []Message{{Level: "warn", Text: "waiting for migration 0042_feature_index"}}
				},
			},
		},
		{
			name: "reconcile",
			base: Program{
				Style: Logfmt, Rate: 4, CPU: 150, Memory: 64 * mebibyte, Runs: 8 * time.Second,
				Messages: []Message{
					{Text: "account checked", Fields: "account={user} entries={id}"},
					{Text: "page done", Fields: "page={n} ms={ms}", Weight: 3},
				},
			},
			tags: same("v1.4.0"),
		},
		{
			name: "etl",
			base: Program{
				Style: Plain, Rate: 0.8, CPU: 260, Memory: 700 * mebibyte, Starts: 3 * time.Second,
				Messages: []Message{
					{Text: "batch loaded", Fields: "rows={id} ms={ms}"},
					{Text: "checkpoint", Fields: "offset={id}", Weight: 3},
					{Level: "warn", Text: "row skipped: not valid UTF-8", Fields: "row={id}", Weight: 1},
				},
			},
			tags: same("v4.0.2", "v4.1.0"),
		},
		{
			name: "thumbnailer",
			base: Program{
				Style: JSON, Rate: 0.7, CPU: 110, Memory: 210 * mebibyte, Starts: 2 * time.Second,
				Messages: []Message{{Text: "image resized", Fields: "sku={sku} ms={ms}"}},
			},
			tags: same("v1.1.0"),
		},
		{
			name: "report-mail",
			base: Program{
				Style: Plain, Rate: 2, CPU: 60, Memory: 48 * mebibyte, Runs: 5 * time.Second,
				Messages: []Message{{Text: "mail queued", Fields: "user={user}"}},
			},
			tags: same("v0.9.0"),
		},
		{
			name: "importer",
			base: Program{
				Style: Plain, Rate: 5, CPU: 300, Memory: 200 * mebibyte, Runs: 9 * time.Second,
				Messages: []Message{{Text: "imported", Fields: "rows={id} file=part-{n}.csv"}},
			},
			tags: same("v2.0.0"),
		},
		{
			// Ends when somebody answers, who is not there.
			name: "wait-for",
			base: Program{Style: Plain, Rate: 0.5, CPU: 1, Memory: 8 * mebibyte, Runs: 1000 * time.Hour, Messages: []Message{{Text: "waiting for reports.data.svc:5432"}}},
			tags: same("1.0"),
		},
		{
			name: "reindex",
			base: Program{Style: Plain, Rate: 2, CPU: 200, Memory: 64 * mebibyte, Disk: 300 * mebibyte, Runs: time.Hour, Messages: []Message{{Text: "segment written", Fields: "docs={id}"}}},
			tags: same("v1.0.0"),
		},
		{
			name: "toolbox",
			base: Program{Style: Plain, Rate: 0.1, CPU: 1, Memory: 12 * mebibyte, Starts: time.Second},
			tags: same("1.0"),
		},
	}
}

// flood returns images that do nothing but log, as many lines a second as their
// tag says, of 150 bytes each.
func flood() repository {
	r := repository{
		name: "flood",
		base: Program{
			Style: Plain, CPU: 100, Memory: 16 * mebibyte, Starts: time.Second,
			Messages: []Message{
				{Text: "GET /api/v1/products answered", Fields: "order={id} user=7 region=eu-central shard=17 cache=miss upstream=ledger-3.payments.svc.cluster.local"},
				{Level: "error", Text: "PUT /api/v1/products refused", Fields: "order={id} user=7 region=eu-central shard=17 cache=miss upstream=ledger-3.payments.svc.cluster", Weight: 1},
			},
		},
		tags: map[string]func(*Program){},
	}
	for _, rate := range []int{100, 1_000, 10_000, 50_000} {
		r.tags[strconv.Itoa(rate)] = func(p *Program) { p.Rate = float64(rate) }
	}
	return r
}
