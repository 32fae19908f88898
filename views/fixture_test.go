package views

import (
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"quarterdeck/kube"
	"quarterdeck/kube/object"
	"quarterdeck/kube/store"
)

func checkoutDeployment() *appsv1.Deployment {
	return &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: "payments", Name: "checkout"}}
}

func workloadRefOf(namespace, name string) kube.Ref {
	return workloadRef(&object.Workload{Meta: store.Meta{Namespace: namespace, Name: name}, Kind: "Deployment"})
}
