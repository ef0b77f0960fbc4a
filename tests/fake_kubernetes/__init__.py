"""A Kubernetes API server over HTTP that keeps state, for tests: `python -m tests.fake_kubernetes`.

It answers what KubeSpawner, kubernetes_asyncio and Labyard ask for: pods, claims, events, nodes, namespaces, quotas and some more; lists and watches with selectors, resource
versions, bookmarks and ``410 Gone``; conflicts; graceful deletion. It refuses what a real one refuses: unknown fields and wrong types (by Kubernetes' own OpenAPI schemas, which the
package kubernetes-validate carries), invalid names, missing namespaces, immutable fields, exceeded quotas, pods that break the Pod Security Standard of their namespace, and calls
that a role does not allow. A scheduler places pods on nodes; a kubelet pulls images that are scripted to come slowly or not at all, and lets each pod answer by HTTP on an address of its own
in 127.0.0.0/8, by a stub or by the real program.

It was written from Kubernetes' documentation, its schemas and known messages. Known to differ:

* Unknown fields are refused always; a real server only warns unless the client asks for ``fieldValidation=Strict``.
* There are no admission webhooks, no server-side apply, no priority preemption, no node failures and no limits on memory or CPU of what runs.
* A strategic merge patch merges lists by ``name`` only.
* Network policies are stored and hold up no traffic; `network` says what they allow, by the labels that pods have.
* Events are not merged into one another and never expire.
"""
