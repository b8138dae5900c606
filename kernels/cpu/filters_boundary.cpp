#include "filters_boundary.hpp"

#include <cstring>

namespace vsr {

Plane HeldFloats::take(PyObject* object, bool writable) {
    if (PyErr_Occurred()) return Plane{};
    if (count_ == kFilterInputs + kFilterOutputs) {
        PyErr_SetString(PyExc_ValueError, "too many planes for one filter");
        return Plane{};
    }
    HeldPlane& held = planes_[count_++];
    if (!held.take(object, writable)) return Plane{};
    if (held.plane.bytes == 4) return held.plane;
    PyErr_SetString(PyExc_TypeError, "filters work on planes of float32");
    return Plane{};
}

bool same_size(const Plane* planes, int count) {
    for (int i = 0; i < count; ++i) {
        if (!planes[i].data) return false;
        if (planes[i].width == planes[0].width && planes[i].height == planes[0].height) continue;
        PyErr_SetString(PyExc_ValueError, "the planes of a filter have one size");
        return false;
    }
    return true;
}

namespace {

int point_of(const char* name) {
    for (int i = 0; i < kPointCount; ++i)
        if (std::strcmp(kPoints[i], name) == 0) return i;
    PyErr_Format(PyExc_ValueError, "there is no point %s", name);
    return -1;
}

bool take_input(PyObject* tuple, HeldFloats& held, const Plane& out, PlaneIn& in) {
    PyObject *plane, *columns, *rows;
    if (!PyArg_ParseTuple(tuple, "OOO", &plane, &columns, &rows)) return false;
    in = PlaneIn{held.take(plane, false), bank_of(columns), bank_of(rows)};
    return in.plane.data && in.columns && in.rows && fits(*in.columns, in.plane.width, out.width, "columns") &&
           fits(*in.rows, in.plane.height, out.height, "rows");
}

}  // namespace

bool point_job(const char* point, PyObject* inputs, PyObject* outputs, PyObject* factors, HeldFloats& held,
               PointJob& job) {
    job.point = point_of(point);
    if (job.point < 0 || !floats_of(factors, kFilterFactors, job.factors)) return false;
    job.inputs = kPointInputs[job.point];
    job.outputs = kPointOutputs[job.point];
    if (PyTuple_Size(inputs) != job.inputs || PyTuple_Size(outputs) != job.outputs) {
        if (!PyErr_Occurred())
            PyErr_Format(PyExc_ValueError, "%s has %d inputs and %d outputs", point, job.inputs, job.outputs);
        return false;
    }
    for (int i = 0; i < job.outputs; ++i) job.out[i] = held.take(PyTuple_GetItem(outputs, i), true);
    if (!same_size(job.out, job.outputs)) return false;
    for (int i = 0; i < job.inputs; ++i)
        if (!take_input(PyTuple_GetItem(inputs, i), held, job.out[0], job.in[i])) return false;
    return true;
}

}  // namespace vsr
