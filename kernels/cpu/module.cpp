#define PY_SSIZE_T_CLEAN
#include <Python.h>

static PyMethodDef methods[] = {{nullptr, nullptr, 0, nullptr}};
static PyModuleDef def = {PyModuleDef_HEAD_INIT, "_cpu", nullptr, -1, methods, nullptr, nullptr, nullptr, nullptr};
PyMODINIT_FUNC PyInit__cpu() { return PyModule_Create(&def); }
