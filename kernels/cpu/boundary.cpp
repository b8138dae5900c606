#include "boundary.hpp"

#include <cstring>

namespace vsr {

namespace {

constexpr const char* kBankName = "vsr._cpu.bank";

void delete_bank(PyObject* capsule) {
    delete static_cast<OwnedBank*>(PyCapsule_GetPointer(capsule, kBankName));
}

struct Buffer {
    Py_buffer view{};
    bool held = false;
    ~Buffer() { if (held) PyBuffer_Release(&view); }
    bool take(PyObject* object, const char* format, int dimensions) {
        held = PyObject_GetBuffer(object, &view, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT) == 0;
        if (!held) return false;
        if (view.ndim == dimensions && std::strcmp(view.format, format) == 0) return true;
        PyErr_Format(PyExc_TypeError, "expected a contiguous array of %d dimensions, format %s", dimensions, format);
        return false;
    }
};

bool windows_lie_within(const std::int32_t* start, Py_ssize_t count, Py_ssize_t taps, int size_in) {
    if (count < 1 || taps < 1 || start[0] < 0 || start[count - 1] + taps > size_in) return false;
    for (Py_ssize_t i = 1; i < count; ++i)
        if (start[i] < start[i - 1]) return false;
    return true;
}

}  // namespace

bool HeldPlane::take(PyObject* object, bool writable) {
    const int flags = PyBUF_STRIDES | PyBUF_FORMAT | (writable ? PyBUF_WRITABLE : 0);
    if (PyObject_GetBuffer(object, &buffer_, flags) != 0) return false;
    held_ = true;
    const bool samples = buffer_.ndim == 2 &&
        (std::strcmp(buffer_.format, "B") == 0 || std::strcmp(buffer_.format, "H") == 0);
    if (!samples || buffer_.shape[0] < 1 || buffer_.shape[1] < 1 || buffer_.shape[0] > 1 << 20 ||
        buffer_.shape[1] > 1 << 20 || (buffer_.shape[1] > 1 && buffer_.strides[1] != buffer_.itemsize)) {
        PyErr_SetString(PyExc_TypeError, "a plane is a (height, width) array of uint8 or uint16 with contiguous rows");
        return false;
    }
    plane = Plane{static_cast<unsigned char*>(buffer_.buf), buffer_.strides[0], int(buffer_.shape[1]),
                  int(buffer_.shape[0]), int(buffer_.itemsize)};
    return true;
}

PyObject* new_bank(PyObject*, PyObject* args) {
    PyObject *starts, *weights;
    int size_in;
    if (!PyArg_ParseTuple(args, "OOi", &starts, &weights, &size_in)) return nullptr;
    Buffer start, weight;
    if (!start.take(starts, "i", 1) || !weight.take(weights, "f", 2)) return nullptr;
    const auto* first = static_cast<const std::int32_t*>(start.view.buf);
    const Py_ssize_t count = weight.view.shape[0], taps = weight.view.shape[1];
    if (start.view.shape[0] != count || count > 1 << 20 || !windows_lie_within(first, count, taps, size_in)) {
        PyErr_SetString(PyExc_ValueError, "the windows of a bank ascend and lie within its input");
        return nullptr;
    }
    auto* bank = new OwnedBank(first, static_cast<const float*>(weight.view.buf), size_in, int(count), int(taps));
    PyObject* capsule = PyCapsule_New(bank, kBankName, delete_bank);
    if (!capsule) delete bank;
    return capsule;
}

const Bank* bank_of(PyObject* capsule) {
    auto* bank = static_cast<OwnedBank*>(PyCapsule_GetPointer(capsule, kBankName));
    return bank ? &bank->view : nullptr;
}

bool fits(const Bank& bank, int size_in, int size_out, const char* what) {
    if (bank.size_in == size_in && bank.size_out == size_out) return true;
    PyErr_Format(PyExc_ValueError, "the bank of %s is for %d to %d samples, the planes have %d and %d", what,
                 bank.size_in, bank.size_out, size_in, size_out);
    return false;
}

}  // namespace vsr
