package incident

// storage returns what is wrong with claims and volumes.
func storage() []Incident {
	return []Incident{
		{
			Name:        "pvc-pending",
			Description: "Deployment data/backup is created with a claim of a storage class that does not exist: claim and pod stay Pending.",
			extras: created(`
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: backup-target, namespace: data}
spec: {accessModes: [ReadWriteOnce], storageClassName: fast-nvme, resources: {requests: {storage: 500Gi}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: backup, namespace: data}
spec:
  selector: {matchLabels: {app: backup}}
  template:
    metadata: {labels: {app: backup}}
    spec:
      containers: [{name: backup, image: "registry.example.com/shop/toolbox:1.0", volumeMounts: [{name: target, mountPath: /backup}]}]
      volumes: [{name: target, persistentVolumeClaim: {claimName: backup-target}}]`),
		},
		{
			Name:        "pvc-no-provisioner",
			Description: "Claim data/scans is of a storage class whose provisioner does not run: it stays Pending.",
			extras: created(`
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: archive}
provisioner: nfs.example.com
volumeBindingMode: Immediate
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: scans, namespace: data}
spec: {accessModes: [ReadWriteOnce], storageClassName: archive, resources: {requests: {storage: 50Gi}}}`),
		},
		{
			Name:        "pvc-no-volume",
			Description: "Claim data/tapes wants a volume that exists already, and there is none: it stays Pending.",
			extras: created(`
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: tapes, namespace: data}
spec: {accessModes: [ReadWriteOnce], storageClassName: "", resources: {requests: {storage: 900Gi}}}`),
		},
		{
			Name:        "pvc-lost",
			Description: "The volume of claim data/photos was deleted: the claim is Lost.",
			extras: created(`
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: photos, namespace: data, annotations: {pv.kubernetes.io/bind-completed: "yes"}}
spec: {accessModes: [ReadWriteOnce], storageClassName: "", volumeName: photos, resources: {requests: {storage: 10Gi}}}`),
		},
		{
			Name:        "pv-released",
			Description: "The claim of volume old-orders is gone, and the volume is kept: it is Released.",
			extras: created(`
apiVersion: v1
kind: PersistentVolume
metadata: {name: old-orders}
spec:
  accessModes: [ReadWriteOnce]
  capacity: {storage: 10Gi}
  persistentVolumeReclaimPolicy: Retain
  storageClassName: ""
  nfs: {server: 192.0.2.20, path: /export/old-orders}
  claimRef: {apiVersion: v1, kind: PersistentVolumeClaim, namespace: data, name: old-orders, uid: 5a1c0000-0000-4000-8000-0000000000aa}`),
		},
		{
			Name:        "pv-failed",
			Description: "The claim of volume old-carts is gone, and nobody can delete the volume: it is Failed.",
			extras: created(`
apiVersion: v1
kind: PersistentVolume
metadata: {name: old-carts}
spec:
  accessModes: [ReadWriteOnce]
  capacity: {storage: 10Gi}
  persistentVolumeReclaimPolicy: Delete
  storageClassName: ""
  nfs: {server: 192.0.2.20, path: /export/old-carts}
  claimRef: {apiVersion: v1, kind: PersistentVolumeClaim, namespace: data, name: old-carts, uid: 5a1c0000-0000-4000-8000-0000000000aa}`),
		},
		{
			Name:        "resize-pending",
			Description: "Claim data/warehouse was made larger, and its filesystem waits for a pod that mounts it.",
			extras: created(`
apiVersion: v1
kind: PersistentVolume
metadata: {name: warehouse}
spec:
  accessModes: [ReadWriteMany]
  capacity: {storage: 30Gi}
  persistentVolumeReclaimPolicy: Retain
  storageClassName: ""
  csi: {driver: csi.playground.example.com, volumeHandle: warehouse}
  claimRef: {apiVersion: v1, kind: PersistentVolumeClaim, namespace: data, name: warehouse}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: warehouse, namespace: data}
spec: {accessModes: [ReadWriteMany], storageClassName: "", volumeName: warehouse, resources: {requests: {storage: 30Gi}}}
status:
  conditions:
    - {type: FileSystemResizePending, status: "True", message: Waiting for user to (re-)start a pod to finish file system resize of volume on node.}`),
		},
	}
}
