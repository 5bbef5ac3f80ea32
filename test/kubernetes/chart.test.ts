import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { ScaledObject } from "@kubernetes-models/keda/keda.sh/v1alpha1/ScaledObject";
import { PrometheusRule } from "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/PrometheusRule";
import { ServiceMonitor } from "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/ServiceMonitor";
import { beforeAll, describe, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";

const root = fileURLToPath(new URL("../..", import.meta.url));
const examples = resolve(root, "infra/k8s/examples");
const path = [process.env.PATH, join(homedir(), "go/bin")].join(delimiter);
const hasHelm = path.split(delimiter).some((folder) => existsSync(join(folder, "helm")));
if (!hasHelm)
  console.warn(
    "SKIPPED: helm is not installed, so the Helm chart is not tested (scripts/setup kubernetes builds helm with Go)",
  );

// A helm that was built with `go install` would assume an old version of Kubernetes.
const KUBE_VERSION = ["--kube-version", "1.33.0"];

// biome-ignore lint/suspicious/noExplicitAny: manifests are of every kind there is.
type Manifest = any;

function helm(...args: string[]): string {
  return execFileSync("helm", args, {
    cwd: root,
    env: { ...process.env, PATH: path },
    encoding: "utf8",
    maxBuffer: 64 * 1_048_576,
    stdio: ["ignore", "pipe", "pipe"],
  });
}

function render(example: string, ...args: string[]): Manifest[] {
  const file = join(examples, `${example}.yaml`);
  const text = helm(
    "template",
    "holdfast",
    "infra/k8s/holdfast",
    "-n",
    "tasks",
    "-f",
    file,
    ...KUBE_VERSION,
    ...args,
  );
  return parseAllDocuments(text)
    .map((document) => document.toJS())
    .filter((manifest) => manifest !== null);
}

const byName = (manifests: Manifest[], kind: string, name: string): Manifest => {
  const found = manifests.find((manifest) => manifest.kind === kind && manifest.metadata.name === name);
  if (!found) throw new Error(`the chart has no ${kind} ${name}`);
  return found;
};
const ofKind = (manifests: Manifest[], kind: string) =>
  manifests.filter((manifest) => manifest.kind === kind);
const envOf = (deployment: Manifest): Record<string, string> =>
  Object.fromEntries(
    deployment.spec.template.spec.containers[0].env.map(({ name, value }: Manifest) => [name, value]),
  );

describe.skipIf(!hasHelm)("the Helm chart", () => {
  let minimal: Manifest[];
  let production: Manifest[];
  let cluster: Manifest[];
  beforeAll(() => {
    minimal = render("minimal");
    production = render("production");
    cluster = render("cluster");
  });

  test("every example is rendered by a test", () => {
    expect(readdirSync(examples).sort()).toEqual(["cluster.yaml", "minimal.yaml", "production.yaml"]);
  });

  test("every container runs as a numeric user without rights, on a read-only root, within limits", () => {
    const deployments = [minimal, production, cluster].flatMap((manifests) =>
      ofKind(manifests, "Deployment"),
    );
    expect(deployments).toHaveLength(5 + 7 + 5);
    for (const { spec } of deployments) {
      const pod = spec.template.spec;
      expect(pod.automountServiceAccountToken).toBe(false);
      expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, runAsUser: 1000 });
      for (const container of pod.containers) {
        expect(container.securityContext).toEqual({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ["ALL"] },
        });
        expect(container.resources.limits.memory).toBeTruthy();
        expect(container.readinessProbe.httpGet.path).toBe("/readyz");
        expect(container.livenessProbe.httpGet.path).toBe("/livez");
      }
    }
  });

  test("each pod gets the Redis password of its own role and no other", () => {
    const roles = ofKind(minimal, "Deployment").map(({ metadata, spec }) => [
      metadata.name,
      spec.template.spec.volumes.find(({ name }: Manifest) => name === "redis-password").secret.items,
    ]);
    expect(Object.fromEntries(roles)).toEqual({
      "holdfast-producer-api": [{ key: "producer", path: "password" }],
      "holdfast-worker-api": [{ key: "worker-api", path: "password" }],
      "holdfast-worker-default": [{ key: "worker", path: "password" }],
      "holdfast-janitor": [{ key: "janitor", path: "password" }],
      "holdfast-observability": [{ key: "observer", path: "password" }],
    });
  });

  test("only the HTTP services get the keys, and only observability gets the session secret", () => {
    const items = Object.fromEntries(
      ofKind(minimal, "Deployment").map(({ metadata, spec }) => [
        metadata.name,
        spec.template.spec.volumes
          .find(({ name }: Manifest) => name === "holdfast-auth")
          ?.secret.items.map(({ key }: Manifest) => key),
      ]),
    );
    expect(items).toEqual({
      "holdfast-producer-api": ["api-keys.json"],
      "holdfast-worker-api": ["api-keys.json"],
      "holdfast-observability": ["api-keys.json", "session-secret"],
      "holdfast-worker-default": undefined,
      "holdfast-janitor": undefined,
    });
  });

  test("Kubernetes waits longer than a worker takes to hand its tasks back", () => {
    for (const deployment of ofKind(production, "Deployment")) {
      const graceMs = Number(envOf(deployment).SHUTDOWN_GRACE_MS ?? 0);
      expect(deployment.spec.template.spec.terminationGracePeriodSeconds * 1_000).toBeGreaterThanOrEqual(
        graceMs + 10_000,
      );
    }
    expect(
      byName(production, "Deployment", "holdfast-worker-reports").spec.template.spec
        .terminationGracePeriodSeconds,
    ).toBe(130);
  });

  test("the services that read the masking and the traces address get them, and cookies need TLS if the ingress uses it", () => {
    const env = envOf(byName(production, "Deployment", "holdfast-observability"));
    expect(env).toMatchObject({
      MASKED_POINTERS: "/card/*,/password",
      SESSION_SECURE_ONLY: "1",
      ENVIRONMENT: "production",
      OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector.tracing:4318",
    });
    expect(envOf(byName(production, "Deployment", "holdfast-producer-api")).MASKED_POINTERS).toBe(
      "/card/*,/password",
    );
    expect(
      envOf(byName(minimal, "Deployment", "holdfast-observability")).SESSION_SECURE_ONLY,
    ).toBeUndefined();
    const janitor = byName(production, "NetworkPolicy", "holdfast-janitor");
    expect(janitor.spec.egress.at(-1).ports).toEqual([{ port: 4318 }]);
  });

  test("the service reads every variable that the chart sets for it", () => {
    const page = readFileSync(resolve(root, "docs/configuration.md"), "utf8");
    const foreign = ["OTEL_EXPORTER_OTLP_ENDPOINT"];
    const names = [minimal, production, cluster]
      .flatMap((manifests) => ofKind(manifests, "Deployment"))
      .flatMap((deployment) => Object.keys(envOf(deployment)));
    const unknown = new Set(
      names.filter(
        (name) => !foreign.includes(name) && !page.includes(`\n| \`${name.replace(/_FILE$/, "")}`),
      ),
    );
    expect([...unknown]).toEqual([]);
  });

  test("a worker pool has the settings of the default pool, except for those that it sets", () => {
    const env = envOf(byName(production, "Deployment", "holdfast-worker-reports"));
    expect(env).toMatchObject({
      QUEUES: "reports.daily",
      WORKER_CONCURRENCY: "4",
      HANDLER_ISOLATION: "process",
      MAX_RETRIES: "3",
      LEASE_MS: "60000",
    });
  });

  test("workers are scaled by the seconds of work that wait", () => {
    const scaled = ofKind(production, "ScaledObject");
    expect(
      scaled.map(({ spec }) => [spec.scaleTargetRef.name, spec.minReplicaCount, spec.maxReplicaCount]),
    ).toEqual([
      ["holdfast-worker-default", 2, 40],
      ["holdfast-worker-reports", 0, 10],
    ]);
    expect(scaled[1].spec.triggers).toEqual([
      {
        type: "prometheus",
        metricType: "AverageValue",
        metadata: {
          serverAddress: "http://prometheus-operated.monitoring.svc:9090",
          threshold: "600",
          ignoreNullValues: "true",
          query: [
            "sum(",
            '  queue:holdfast_backlog_work:seconds{queue=~"reports\\\\.daily"} <= on (queue) 600 * queue:holdfast_usable_slots:tasks{queue=~"reports\\\\.daily"}',
            '  or on (queue) 600 * queue:holdfast_usable_slots:tasks{queue=~"reports\\\\.daily"}',
            '  or on (queue) queue:holdfast_backlog_work:seconds{queue=~"reports\\\\.daily"}',
            ") / 4\n",
          ].join("\n"),
        },
      },
    ]);
    expect(scaled[0].spec.triggers[0].metadata.query).toContain('{queue=~"critical|default"}\n) / 50');
    // KEDA sets the number of replicas, so the chart must not set it.
    expect(byName(production, "Deployment", "holdfast-worker-default").spec.replicas).toBeUndefined();
    expect(byName(minimal, "Deployment", "holdfast-worker-default").spec.replicas).toBe(2);
  });

  test("the manifests for KEDA and the Prometheus operator are valid by the definitions of their kinds", () => {
    for (const [kind, Model, count] of [
      ["ScaledObject", ScaledObject, 2],
      ["ServiceMonitor", ServiceMonitor, 1],
      ["PrometheusRule", PrometheusRule, 1],
    ] as const) {
      const found = ofKind(production, kind);
      expect(found).toHaveLength(count);
      for (const manifest of found) new Model(manifest).validate();
      const broken = structuredClone(found[0]);
      delete broken.spec;
      broken.metadata = 7;
      expect(() => new Model(broken).validate()).toThrow();
    }
  });

  test("the chart has the rules and dashboards of the repository", () => {
    const [rule] = ofKind(production, "PrometheusRule");
    const alerts = rule.spec.groups
      .flatMap(({ rules }: Manifest) => rules)
      .filter(({ alert }: Manifest) => alert);
    expect(alerts.map(({ alert }: Manifest) => alert)).toContain("NoWorkers");
    const boards = ofKind(production, "ConfigMap").flatMap(({ data }) => Object.entries(data));
    expect(boards.map(([name]) => name).sort()).toEqual([
      "overview.json",
      "queue.json",
      "workers-redis.json",
    ]);
    for (const [, text] of boards) expect(JSON.parse(text as string).panels.length).toBeGreaterThan(3);
  });

  test("only Prometheus may connect to workers and janitors, which may connect only to DNS and Redis", () => {
    const policies = ofKind(cluster, "NetworkPolicy");
    expect(policies.map(({ metadata }) => metadata.name).sort()).toEqual([
      "holdfast-janitor",
      "holdfast-observability",
      "holdfast-producer-api",
      "holdfast-worker-api",
      "holdfast-worker-default",
    ]);
    const worker = byName(cluster, "NetworkPolicy", "holdfast-worker-default");
    expect(worker.spec.ingress).toEqual([
      {
        ports: [{ port: 9464 }],
        from: [{ namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "monitoring" } } }],
      },
    ]);
    expect(worker.spec.egress.map(({ ports }: Manifest) => ports.map(({ port }: Manifest) => port))).toEqual([
      [53, 53],
      [6379],
      [5432],
    ]);
    const sentinel = byName(production, "NetworkPolicy", "holdfast-janitor");
    expect(sentinel.spec.egress[1]).toEqual({
      ports: [{ port: 26379 }, { port: 6379 }],
      to: [{ ipBlock: { cidr: "10.20.0.0/24" } }],
    });
  });

  test("by default nobody may call the APIs, and workers may connect only to DNS and Redis", () => {
    const closed = render("minimal", "--set-json", "networkPolicy.producerApiFrom=[]");
    const prometheus = {
      namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "monitoring" } },
    };
    const apis = { "producer-api": 3000, observability: 3001, "worker-api": 3002 };
    for (const [name, port] of Object.entries(apis))
      expect(byName(closed, "NetworkPolicy", `holdfast-${name}`).spec.ingress).toEqual([
        { ports: [{ port }], from: [prometheus] },
      ]);
    const portsOf = (policy: Manifest) =>
      policy.spec.egress.map(({ ports }: Manifest) => ports?.map(({ port }: Manifest) => port));
    for (const policy of ofKind(closed, "NetworkPolicy")) expect(portsOf(policy)).toEqual([[53, 53], [6379]]);
    // The sources that the network policy admits.
    expect(byName(minimal, "NetworkPolicy", "holdfast-producer-api").spec.ingress[0].from).toEqual([
      { podSelector: {} },
      prometheus,
    ]);
    const alerts = render(
      "minimal",
      "--set-json",
      'networkPolicy.observabilityEgress=[{"ports":[{"port":443}]}]',
    );
    expect(portsOf(byName(alerts, "NetworkPolicy", "holdfast-observability"))).toEqual([
      [53, 53],
      [6379],
      [443],
    ]);
    const open = render("minimal", "--set", "networkPolicy.workerEgressAll=true");
    expect(byName(open, "NetworkPolicy", "holdfast-worker-default").spec.egress).toEqual([{}]);
    expect(byName(open, "NetworkPolicy", "holdfast-janitor").spec.egress).not.toEqual([{}]);
  });

  test("the dispatcher reads its endpoints from a Secret, has its own Redis user, and may connect to HTTPS", () => {
    const deployment = byName(production, "Deployment", "holdfast-dispatcher");
    expect(envOf(deployment)).toMatchObject({
      ENDPOINTS_FILE: "/run/endpoints/endpoints.json",
      REDIS_USERNAME: "dispatcher",
      ALLOWED_HOSTS: "tasks-done.example.com,holdfast-dispatcher.tasks.svc",
      TRUSTED_PROXIES: "10.244.0.0/16",
    });
    const { volumes } = deployment.spec.template.spec;
    expect(volumes.find(({ name }: Manifest) => name === "endpoints").secret.secretName).toBe(
      "holdfast-endpoints",
    );
    expect(volumes.find(({ name }: Manifest) => name === "redis-password").secret.items).toEqual([
      { key: "dispatcher", path: "password" },
    ]);
    const policy = byName(production, "NetworkPolicy", "holdfast-dispatcher");
    expect(policy.spec.egress).toContainEqual({ ports: [{ port: 443 }] });
    expect(policy.spec.ingress[0].ports).toEqual([{ port: 3003 }]);
  });

  test("behind an ingress, the services know whose X-Forwarded-For header to trust", () => {
    for (const name of ["holdfast-producer-api", "holdfast-worker-api", "holdfast-observability"]) {
      expect(envOf(byName(production, "Deployment", name)).TRUSTED_PROXIES).toBe("10.244.0.0/16");
      expect(envOf(byName(minimal, "Deployment", name)).TRUSTED_PROXIES).toBeUndefined();
    }
    expect(envOf(byName(production, "Deployment", "holdfast-janitor")).TRUSTED_PROXIES).toBeUndefined();
  });

  test("a drain of a node evicts the pods of each service one at a time", () => {
    const names = ofKind(production, "PodDisruptionBudget").map(({ metadata }) => metadata.name);
    expect(names.sort()).toEqual([
      "holdfast-dispatcher",
      "holdfast-janitor",
      "holdfast-observability",
      "holdfast-producer-api",
      "holdfast-worker-api",
      "holdfast-worker-default",
      "holdfast-worker-reports",
    ]);
  });

  test.each([
    { set: "redis.host=", says: /redis\.host, redis\.sentinels or redis\.clusterNodes is needed/ },
    { set: "auth.existingSecret=", says: /auth\.existingSecret is needed/ },
    { set: "workers.default.concurrency=0", says: /concurrency/ },
    { set: "workers.default.queues=a/b", says: /queues/ },
    { set: "workers.default.replica=3", says: /replica/ },
    { set: "workers.api.replicas=1", says: /workers/ },
    { set: "redis.port=redis", says: /port/ },
    { set: "trustedProxies[0]=ingress", says: /trustedProxies/ },
    { set: "producerApi.ingress.enabled=true", says: /host/ },
    { set: "dispatcher.enabled=true", says: /dispatcher\.endpointsSecret is needed/ },
  ])("the chart refuses $set and names it", ({ set, says }) => {
    expect(() => render("minimal", "--set", set)).toThrow(says);
  });
});
