package apitest

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// Filler fills API objects with random values.
type Filler struct {
	Word func() string // a value for a string

	r *rand.Rand
}

// NewFiller returns a Filler of short words. Equal seeds give equal objects.
func NewFiller(seed uint64) *Filler {
	f := &Filler{r: rand.New(rand.NewPCG(seed, 1))}
	f.Word = func() string { return fmt.Sprintf("w%d", f.r.IntN(1000)) }
	return f
}

// Fill fills all that object, a pointer to a struct, points to.
func (f *Filler) Fill(object any) { f.fill(reflect.ValueOf(object).Elem(), 0) }

func (f *Filler) fill(v reflect.Value, depth int) {
	switch p := v.Addr().Interface().(type) {
	case *metav1.Time:
		*p = metav1.Unix(int64(f.r.IntN(2e9)), 0)
		return
	case *metav1.MicroTime:
		*p = metav1.NewMicroTime(time.Unix(int64(f.r.IntN(2e9)), 0))
		return
	case *resource.Quantity:
		*p = *resource.NewMilliQuantity(f.r.Int64N(1e12), resource.DecimalSI)
		return
	case *intstr.IntOrString:
		*p = intstr.FromInt32(int32(f.r.IntN(100)))
		return
	case *metav1.FieldsV1, *runtime.RawExtension, *metav1.TypeMeta:
		return
	}
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(f.r.IntN(2) == 0)
	case reflect.String:
		v.SetString(f.Word())
	case reflect.Int, reflect.Int32, reflect.Int64:
		v.SetInt(int64(f.r.IntN(30)))
	case reflect.Uint8:
		v.SetUint(uint64(f.r.IntN(256)))
	case reflect.Float64:
		v.SetFloat(f.r.Float64())
	case reflect.Pointer:
		if depth < 12 && f.r.IntN(4) > 0 {
			v.Set(reflect.New(v.Type().Elem()))
			f.fill(v.Elem(), depth+1)
		}
	case reflect.Slice:
		if depth < 12 {
			v.Set(reflect.MakeSlice(v.Type(), 1+f.r.IntN(2), 2))
			for i := range v.Len() {
				f.fill(v.Index(i), depth+1)
			}
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for range 1 + f.r.IntN(3) {
			key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			f.fill(key, depth+1)
			f.fill(value, depth+1)
			v.SetMapIndex(key, value)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				f.fill(v.Field(i), depth+1)
			}
		}
	default:
	}
}
