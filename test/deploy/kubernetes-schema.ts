/** What the tests read of a cluster's manifests. Whether these are valid is not asked here, but of Kubernetes' own code: `manifests.test.ts`. */
import { z } from 'zod'

const labels = z.record(z.string(), z.string())
const names = z.object({ name: z.string() })
const probe = z.object({ httpGet: z.object({ path: z.string() }).optional() })
const container = z.object({
  image: z.string(),
  command: z.array(z.string()),
  args: z.array(z.string()),
  env: z.array(
    z.object({
      name: z.string(),
      value: z.string().optional(),
      valueFrom: z.object({ secretKeyRef: names }).optional(),
    }),
  ),
  ports: z.array(z.object({ name: z.string(), containerPort: z.number() })).optional(),
  livenessProbe: probe.optional(),
  readinessProbe: probe.optional(),
  securityContext: z.looseObject({ privileged: z.boolean().optional() }),
  volumeMounts: z.array(z.object({ name: z.string(), mountPath: z.string() })),
})
const template = z.object({
  metadata: z.object({ labels }),
  spec: z.object({
    automountServiceAccountToken: z.literal(false),
    terminationGracePeriodSeconds: z.number().optional(),
    nodeSelector: labels.optional(),
    securityContext: z.object({ runAsNonRoot: z.boolean() }).optional(),
    containers: z.array(container).length(1),
    volumes: z
      .array(
        z.object({
          name: z.string(),
          configMap: names.optional(),
          secret: z.object({ secretName: z.string() }).optional(),
        }),
      )
      .optional(),
  }),
})
const selector = z.object({ matchLabels: labels })
const set = { metadata: names, spec: z.object({ selector, template }) }
export const workload = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('Deployment'), ...set }),
  z.object({ kind: z.literal('DaemonSet'), ...set }),
  z.object({
    kind: z.literal('StatefulSet'),
    metadata: names,
    spec: set.spec.extend({ volumeClaimTemplates: z.array(z.object({ metadata: names })) }),
  }),
])
export const service = z.object({
  metadata: names,
  spec: z.object({
    selector: labels,
    ports: z.array(z.object({ port: z.number(), targetPort: z.string() })),
  }),
})
export const policy = z.object({
  spec: z.object({
    podSelector: selector,
    ingress: z.array(z.object({ ports: z.array(z.object({ port: z.string() })) })),
  }),
})
export const scaled = z.object({
  spec: z.object({
    scaleTargetRef: names,
    triggers: z.tuple([
      z.strictObject({
        type: z.literal('metrics-api'),
        // Its definition takes any text here: these are the scaler's own settings.
        metadata: z.strictObject({
          url: z.url(),
          valueLocation: z.string(),
          targetValue: z.string(),
          activationTargetValue: z.string(),
        }),
      }),
    ]),
  }),
})
export const kustomization = z.object({
  namespace: z.string(),
  resources: z.array(z.string()),
  configMapGenerator: z.array(z.object({ name: z.string(), files: z.array(z.string()) })),
  images: z.array(names),
})
