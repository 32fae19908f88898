package program

import "time"

// platform returns the images of databases and of the cluster's own parts.
func platform() []repository {
	return []repository{
		{
			name: "postgres",
			base: Program{
				Style: Postgres, Rate: 0.5, CPU: 140, Memory: 900 * mebibyte, Starts: 4 * time.Second,
				Messages: []Message{
					{Text: "checkpoint starting: time", Weight: 4},
					{Text: "checkpoint complete: wrote {id} buffers ({n}.2%); write={ms}.1 s, sync=0.0{n} s"},
					{Text: "duration: 1{id}.{n} ms  statement: SELECT * FROM orders WHERE placed_at > now() - interval '1 hour'", Weight: 3},
					{Level: "error", Text: "deadlock detected", Weight: 1, Trace: []string{
						"\tDETAIL:  Process {n} waits for ShareLock on transaction {id}; blocked by process {n}.",
						"\tHINT:  See server log for query details.",
						"\tSTATEMENT:  UPDATE stock SET amount = amount - 1 WHERE sku = $1",
					}},
				},
			},
			tags: same("17.5", "18.1"),
		},
		{
			name: "postgres-exporter",
			base: Program{
				Style: Logfmt, Rate: 0.1, CPU: 4, Memory: 22 * mebibyte, Starts: time.Second,
				Messages: []Message{{Level: "debug", Text: "scrape finished", Fields: "collector=stat_database ms={ms}"}},
			},
			tags: same("v0.18.1"),
		},
		{
			name: "redis",
			base: Program{
				Style: Plain, Rate: 0.3, CPU: 45, Memory: 260 * mebibyte, Starts: 2 * time.Second,
				Messages: []Message{
					{Text: "100 changes in 300 seconds. Saving..."},
					{Text: "Background saving started by pid {n}"},
					{Text: "DB saved on disk"},
				},
			},
			tags: same("7.4.6", "8.2.2"),
		},
		{
			name: "nats",
			base: Program{
				Style: Plain, Rate: 0.8, CPU: 50, Memory: 170 * mebibyte, Starts: 2 * time.Second,
				Messages: []Message{
					{Text: "{ip}:{id} - cid:{id} - Client connection created"},
					{Level: "warn", Text: "slow consumer detected", Fields: "cid={id} pending={id}", Weight: 1},
				},
			},
			tags: same("2.11.8", "2.12.1"),
		},
		{
			name: "prometheus",
			base: Program{
				Style: Logfmt, Rate: 0.2, CPU: 180, Memory: 1500 * mebibyte, Starts: 5 * time.Second,
				Messages: []Message{
					{Text: "write block", Fields: "mint={id} maxt={id} duration={ms}ms"},
					{Text: "Head GC completed", Fields: "caller=truncateMemory duration={ms}ms"},
				},
			},
			tags: same("v3.7.3"),
		},
		{
			name: "grafana",
			base: Program{
				Style: Logfmt, Rate: 0.5, CPU: 30, Memory: 150 * mebibyte, Starts: 4 * time.Second,
				Messages: []Message{{Text: "Request Completed", Fields: "method=GET path=/api/ds/query status={status} duration={ms}ms"}},
			},
			tags: same("12.2.0", "12.3.0"),
		},
		{
			name: "node-exporter",
			base: Program{
				Style: Logfmt, Rate: 0.05, CPU: 9, Memory: 20 * mebibyte, Starts: time.Second,
				Messages: []Message{{Level: "debug", Text: "collector succeeded", Fields: "name=filesystem duration_ms={ms}"}},
			},
			tags: same("v1.9.1", "v1.10.2"),
		},
		{
			name: "vector",
			base: Program{
				Style: JSON, Rate: 0.2, CPU: 8, Memory: 40 * mebibyte, Starts: time.Second,
				Messages: []Message{{Text: "batch sent", Fields: "sink=loki events={id} ms={ms}"}},
			},
			tags: same("0.51.0-alpine"),
		},
		{
			name: "kube-proxy",
			base: Program{
				Style: Klog, Rate: 0.1, CPU: 6, Memory: 38 * mebibyte, Starts: time.Second,
				Messages: []Message{
					{Text: "SyncProxyRules complete", Fields: `elapsed="{ms}.1ms"`},
					{Text: "Reloading service iptables data", Fields: "numServices={n} numEndpoints={n}", Weight: 4},
				},
			},
			tags: same("v1.35.4", "v1.36.3"),
		},
		{
			name: "cilium",
			base: Program{
				Style: Logfmt, Rate: 0.3, CPU: 40, Memory: 210 * mebibyte, Starts: 3 * time.Second,
				Messages: []Message{
					{Text: "Rewrote endpoint BPF program", Fields: "endpointID={id} identity={id}"},
					{Text: "regenerating all endpoints", Fields: `reason="one or more identities created or deleted"`, Weight: 2},
				},
			},
			tags: same("v1.18.4"),
		},
		{
			name: "coredns",
			base: Program{
				Style: Plain, Rate: 0.6, CPU: 12, Memory: 32 * mebibyte, Starts: time.Second,
				Messages: []Message{
					{Text: `{ip}:{id} - {id} "A IN ledger.payments.svc.cluster.local. udp 58 false 512" NOERROR qr,aa,rd 114 0.000{n}s`},
				},
			},
			tags: same("v1.12.4", "v1.13.1"),
		},
		{
			name: "controller",
			base: Program{
				Style: Access, Rate: 4, CPU: 60, Memory: 140 * mebibyte, Starts: 3 * time.Second,
				Messages: []Message{
					{Text: `"GET {path} HTTP/2.0" {status} {id} "-" "Mozilla/5.0" {n} 0.0{n} [web-storefront-http] [] 10.42.3.17:8080 {id} 0.0{n} {status} {hex}`, Weight: 30},
				},
			},
			tags: same("v1.13.3", "v1.14.0"),
		},
		{
			name: "busybox",
			base: Program{Style: Plain, Rate: 0.5, CPU: 2, Memory: 2 * mebibyte, Messages: []Message{{Text: "ready"}}},
			tags: same("1.37"),
		},
	}
}
