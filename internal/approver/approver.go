// Package approver approves the kubelets' requests for serving certificates, after checking each.
package approver

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"time"

	certificates "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"

	"keelway.dev/keelway/internal/pki/approve"
)

// Options are what the approver must know of the cluster beside the API.
type Options struct {
	Client kubernetes.Interface
	Log    *slog.Logger
	// Ranges are the pod and Service ranges, Domain the cluster's DNS domain.
	Ranges []netip.Prefix
	Domain string
	// Endpoint is the shared name or address of the control planes, if any.
	Endpoint string
}

// Run watches the requests until ctx ends. A request that breaks a rule is
// left as it is and the reason is logged: a person may still approve it.
func Run(ctx context.Context, o Options) error {
	queue := workqueue.NewTypedRateLimitingQueue(workqueue.NewTypedItemExponentialFailureRateLimiter[string](200*time.Millisecond, time.Minute))
	selector := fields.OneTermEqualSelector("spec.signerName", approve.KubeletServingSigner).String()
	api := o.Client.CertificatesV1().CertificateSigningRequests()
	add := func(obj any) {
		if csr, ok := obj.(*certificates.CertificateSigningRequest); ok && len(csr.Status.Conditions) == 0 {
			queue.Add(csr.Name)
		}
	}
	_, informer := cache.NewInformerWithOptions(cache.InformerOptions{
		ListerWatcher: cache.NewFilteredListWatchFromClient(o.Client.CertificatesV1().RESTClient(), "certificatesigningrequests", "",
			func(l *metav1.ListOptions) { l.FieldSelector = selector }),
		ObjectType: &certificates.CertificateSigningRequest{},
		Handler:    cache.ResourceEventHandlerFuncs{AddFunc: add, UpdateFunc: func(_, obj any) { add(obj) }},
	})
	go informer.RunWithContext(ctx)
	go func() { <-ctx.Done(); queue.ShutDown() }()
	for {
		name, stop := queue.Get()
		if stop {
			return nil
		}
		err := o.approve(ctx, name, api.UpdateApproval)
		switch {
		case err == nil:
			queue.Forget(name)
		case queue.NumRequeues(name) < maxTries:
			queue.AddRateLimited(name)
		default:
			o.Log.Warn("request left for a person to decide", "request", name, "reason", err)
			queue.Forget(name)
		}
		queue.Done(name)
	}
}

// maxTries is how often a request is looked at again: a new node's addresses
// may reach the API after its request.
const maxTries = 8

type update func(ctx context.Context, name string, csr *certificates.CertificateSigningRequest, opts metav1.UpdateOptions) (*certificates.CertificateSigningRequest, error)

func (o Options) approve(ctx context.Context, name string, write update) error {
	csr, err := o.Client.CertificatesV1().CertificateSigningRequests().Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if len(csr.Status.Conditions) > 0 {
		return nil
	}
	request, err := parse(csr)
	if err != nil {
		return err
	}
	nodes, err := o.Client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	identity := o.identity(strings.TrimPrefix(csr.Spec.Username, "system:node:"), nodes.Items)
	if err := approve.CheckKubeletServingCSR(request, identity); err != nil {
		return err
	}
	csr.Status.Conditions = append(csr.Status.Conditions, certificates.CertificateSigningRequestCondition{
		Type: certificates.CertificateApproved, Status: corev1.ConditionTrue,
		Reason: "KeelwayApprove", Message: "names and addresses are the node's own",
	})
	if _, err := write(ctx, name, csr, metav1.UpdateOptions{}); err != nil && !apierrors.IsConflict(err) {
		return err
	}
	o.Log.Info("approved", "request", name, "node", identity.Name)
	return nil
}

func parse(csr *certificates.CertificateSigningRequest) (approve.ServingRequest, error) {
	block, _ := pem.Decode(csr.Spec.Request)
	if block == nil || block.Type != "CERTIFICATE REQUEST" {
		return approve.ServingRequest{}, errors.New("the request holds no PEM block of type CERTIFICATE REQUEST")
	}
	parsed, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil {
		return approve.ServingRequest{}, fmt.Errorf("the request cannot be parsed: %w", err)
	}
	var usages []string
	for _, u := range csr.Spec.Usages {
		usages = append(usages, string(u))
	}
	return approve.ServingRequest{Signer: csr.Spec.SignerName, Username: csr.Spec.Username, Groups: csr.Spec.Groups, Usages: usages, CSR: parsed}, nil
}

// identity collects what the node is, and what belongs to somebody else.
func (o Options) identity(name string, nodes []corev1.Node) approve.NodeIdentity {
	id := approve.NodeIdentity{Ranges: o.Ranges, DNSDomain: o.Domain}
	for _, n := range nodes {
		names, ips := addresses(n)
		if n.Name == name {
			id.Name, id.DNSNames, id.IPs = name, names, ips
			continue
		}
		id.OtherNames = append(append(id.OtherNames, n.Name), names...)
		id.OtherIPs = append(id.OtherIPs, ips...)
	}
	if a, err := netip.ParseAddr(o.Endpoint); err == nil {
		if !slices.Contains(id.IPs, a) {
			id.OtherIPs = append(id.OtherIPs, a)
		}
	} else if o.Endpoint != "" && !strings.EqualFold(o.Endpoint, name) {
		id.OtherNames = append(id.OtherNames, o.Endpoint)
	}
	return id
}

func addresses(n corev1.Node) (names []string, ips []netip.Addr) {
	for _, a := range n.Status.Addresses {
		switch a.Type {
		case corev1.NodeHostName, corev1.NodeInternalDNS, corev1.NodeExternalDNS:
			names = append(names, a.Address)
		case corev1.NodeInternalIP, corev1.NodeExternalIP:
			if ip, err := netip.ParseAddr(a.Address); err == nil {
				ips = append(ips, ip)
			}
		}
	}
	return names, ips
}
