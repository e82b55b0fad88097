"""Our readers as OpenTimelineIO adapters; OTIO finds them by this package's entry point.

``otio.adapters.read_from_file("edit.xml", adapter_name="unisync_fcp7")`` gives the same timeline
as :func:`unisync_adapters.open_edit`. They only read: an edit is written by patching its own bytes.
"""
