/** Of the references of Kubernetes, KEDA and Kustomize the fields that are used here: any other is refused. */
import { z } from 'zod'

export const labels = z.record(z.string(), z.string())
const names = z.strictObject({ name: z.string() })
const keyRef = z.strictObject({ name: z.string(), key: z.string() })
const variable = z.strictObject({
  name: z.string(),
  value: z.string().optional(),
  valueFrom: z.strictObject({ secretKeyRef: keyRef }).optional(),
})
const probe = z.strictObject({
  httpGet: z.strictObject({ path: z.string(), port: z.string() }).optional(),
  tcpSocket: z.strictObject({ port: z.string() }).optional(),
  initialDelaySeconds: z.number().optional(),
})
const container = z.strictObject({
  name: z.string(),
  image: z.string(),
  command: z.array(z.string()),
  args: z.array(z.string()),
  env: z.array(variable),
  ports: z.array(z.strictObject({ name: z.string(), containerPort: z.number() })).optional(),
  livenessProbe: probe.optional(),
  readinessProbe: probe.optional(),
  resources: z.strictObject({ requests: labels, limits: labels }),
  securityContext: z.strictObject({
    privileged: z.boolean().optional(),
    allowPrivilegeEscalation: z.boolean().optional(),
    readOnlyRootFilesystem: z.boolean().optional(),
    capabilities: z.strictObject({ drop: z.array(z.string()) }).optional(),
  }),
  volumeMounts: z.array(
    z.strictObject({ name: z.string(), mountPath: z.string(), readOnly: z.boolean().optional() }),
  ),
})
const volume = z.strictObject({
  name: z.string(),
  configMap: names.optional(),
  emptyDir: z.strictObject({}).optional(),
  secret: z
    .strictObject({
      secretName: z.string(),
      optional: z.boolean().optional(),
      items: z.array(z.strictObject({ key: z.string(), path: z.string() })).optional(),
    })
    .optional(),
})
/** core/v1 PodTemplateSpec */
const template = z.strictObject({
  metadata: z.strictObject({ labels, annotations: labels.optional() }),
  spec: z.strictObject({
    automountServiceAccountToken: z.literal(false),
    terminationGracePeriodSeconds: z.number().optional(),
    nodeSelector: labels.optional(),
    tolerations: z
      .array(
        z.strictObject({ key: z.string(), operator: z.literal('Exists'), effect: z.literal('NoSchedule') }),
      )
      .optional(),
    securityContext: z
      .strictObject({
        runAsNonRoot: z.literal(true),
        runAsUser: z.number(),
        runAsGroup: z.number(),
        fsGroup: z.number().optional(),
        seccompProfile: z.strictObject({ type: z.literal('RuntimeDefault') }),
      })
      .optional(),
    containers: z.array(container).length(1),
    volumes: z.array(volume).optional(),
  }),
})
const selector = z.strictObject({ matchLabels: labels })
const set = { selector, template }
/** apps/v1 */
export const workload = z.discriminatedUnion('kind', [
  z.strictObject({
    apiVersion: z.literal('apps/v1'),
    kind: z.literal('Deployment'),
    metadata: names,
    spec: z.strictObject({
      ...set,
      replicas: z.number().optional(),
      strategy: z.strictObject({ type: z.literal('Recreate') }).optional(),
    }),
  }),
  z.strictObject({
    apiVersion: z.literal('apps/v1'),
    kind: z.literal('DaemonSet'),
    metadata: names,
    spec: z.strictObject(set),
  }),
  z.strictObject({
    apiVersion: z.literal('apps/v1'),
    kind: z.literal('StatefulSet'),
    metadata: names,
    spec: z.strictObject({
      ...set,
      serviceName: z.string(),
      replicas: z.number(),
      volumeClaimTemplates: z.array(
        z.strictObject({
          metadata: names,
          spec: z.strictObject({
            accessModes: z.array(z.literal('ReadWriteOnce')),
            resources: z.strictObject({ requests: labels }),
          }),
        }),
      ),
    }),
  }),
])
/** core/v1 */
export const service = z.strictObject({
  apiVersion: z.literal('v1'),
  kind: z.literal('Service'),
  metadata: names,
  spec: z.strictObject({
    selector: labels,
    ports: z.array(z.strictObject({ name: z.string(), port: z.number(), targetPort: z.string() })),
  }),
})
const expression = z.strictObject({
  key: z.string(),
  operator: z.literal('In'),
  values: z.array(z.string()),
})
const which = z.strictObject({ matchExpressions: z.array(expression).optional() })
/** networking.k8s.io/v1 */
export const policy = z.strictObject({
  apiVersion: z.literal('networking.k8s.io/v1'),
  kind: z.literal('NetworkPolicy'),
  metadata: names,
  spec: z.strictObject({
    podSelector: selector,
    policyTypes: z.tuple([z.literal('Ingress')]),
    ingress: z.array(
      z.strictObject({
        from: z
          .array(z.strictObject({ podSelector: which.optional(), namespaceSelector: which.optional() }))
          .optional(),
        ports: z.array(z.strictObject({ port: z.string() })),
      }),
    ),
  }),
})
/** keda.sh/v1alpha1 */
export const scaled = z.strictObject({
  apiVersion: z.literal('keda.sh/v1alpha1'),
  kind: z.literal('ScaledObject'),
  metadata: names,
  spec: z.strictObject({
    scaleTargetRef: names,
    minReplicaCount: z.number(),
    maxReplicaCount: z.number(),
    pollingInterval: z.number(),
    cooldownPeriod: z.number(),
    fallback: z.strictObject({ failureThreshold: z.number(), replicas: z.number() }),
    triggers: z.tuple([
      z.strictObject({
        type: z.literal('metrics-api'),
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
export const kustomization = z.strictObject({
  apiVersion: z.literal('kustomize.config.k8s.io/v1beta1'),
  kind: z.literal('Kustomization'),
  namespace: z.string(),
  labels: z.array(z.strictObject({ pairs: labels, includeTemplates: z.boolean() })),
  resources: z.array(z.string()),
  configMapGenerator: z.array(z.strictObject({ name: z.string(), files: z.array(z.string()) })),
  images: z.array(z.strictObject({ name: z.string(), newName: z.string(), newTag: z.string() })),
})
