# ruff: noqa: N802 -- the names are Resolve's, the syntax is of Python 3.6
"""A model of DaVinci Resolve's scripting objects, as documented: no part of it was taken from, or
run in, the application.

It stands on Python 3.6 alone, so that the script can be run with it on the Python of a Resolve
machine. What it models on purpose: nothing is imported under a timeline name that exists; clips of
an imported edit play what lies in the folders they are told to look in, by file path, and nothing
else; a frame holds one marker.
"""

import json
import os
import sys
from urllib.parse import unquote, urlparse
from xml.etree import ElementTree


class Clip:
    def __init__(self, path):
        self.path = path

    def GetClipProperty(self, name):
        return {"File Path": self.path}[name]


class Folder:
    def __init__(self, name):
        self.name, self.folders, self.clips = name, [], []

    def GetName(self):
        return self.name

    def GetSubFolderList(self):
        return list(self.folders)

    def GetClipList(self):
        return list(self.clips)


class Item:
    def __init__(self, name, start, clip):
        self.name, self.start, self.clip, self.colour = name, start, clip, ""

    def GetName(self):
        return self.name

    def GetStart(self):
        return self.start

    def GetMediaPoolItem(self):
        return self.clip

    def SetClipColor(self, colour):
        self.colour = colour
        return True


class Timeline:
    def __init__(self, name, items=()):
        self.name, self.items, self.markers = name, list(items), {}

    def GetName(self):
        return self.name

    def GetStartFrame(self):
        return 86400

    def GetTrackCount(self, kind):
        return {"video": 1, "audio": 0, "subtitle": 0}[kind]

    def GetItemListInTrack(self, kind, index):
        return self.items

    def AddMarker(self, frame, colour, name, note, duration, custom):
        if frame in self.markers or not isinstance(frame, int) or duration != 1:
            return False
        self.markers[frame] = (colour, name)
        return True


class Pool:
    def __init__(self, project):
        self.project, self.root = project, Folder("Master")
        self.current = self.root

    def GetRootFolder(self):
        return self.root

    def GetCurrentFolder(self):
        return self.current

    def SetCurrentFolder(self, folder):
        self.current = folder
        return True

    def AddSubFolder(self, parent, name):
        made = Folder(name)
        parent.folders.append(made)
        return made

    def ImportMedia(self, paths):
        if self.project.refuses_media:
            return []
        made = []
        for path in paths:
            if isinstance(path, dict):
                frames = range(path["StartIndex"], path["EndIndex"] + 1)
                ends = [path["FilePath"] % frames[0], path["FilePath"] % frames[-1]]
                assert all(os.path.exists(end) for end in ends), ends
                path = ends[0]
            made.append(Clip(path))
        self.current.clips += made
        return made

    def ImportTimelineFromFile(self, path, options):
        names = [one.name for one in self.project.timelines]
        if options["timelineName"] in names or self.project.refuses_edits:
            return None
        if options["importSourceClips"]:
            known = {clip: Clip(clip) for clip in played(path) if os.path.exists(clip)}
        else:
            folders = [self.current] + options["sourceClipsFolders"]
            known = {clip.path: clip for folder in folders for clip in folder.clips}
        items = [
            Item(name, 86400 + start, known.get(media)) for name, start, media in clips_of(path)
        ]
        made = Timeline(options["timelineName"], items)
        self.project.timelines.append(made)
        return made


def clips_of(path):
    """Name, first record frame and media of the picture clips of an FCP7 XML."""
    for clip in ElementTree.parse(path).iterfind("sequence/media/video/track/clipitem"):
        url = urlparse(clip.findtext("file/pathurl"))
        yield clip.findtext("name"), int(clip.findtext("start")), unquote(url.path)


def played(path):
    return [media for _, _, media in clips_of(path)]


class Project:
    def __init__(self):
        self.timelines, self.pool = [], Pool(self)
        self.refuses_media = self.refuses_edits = False

    def GetMediaPool(self):
        return self.pool

    def GetTimelineCount(self):
        return len(self.timelines)

    def GetTimelineByIndex(self, index):
        return self.timelines[index - 1]


class Resolve:
    def __init__(self, project):
        self.project, self.chosen = project, None

    def GetProjectManager(self):
        return self

    def GetCurrentProject(self):
        return self.project

    def Fusion(self):
        return self

    def RequestFile(self):
        return self.chosen


def state_of(project):
    """All that the script may have changed, for comparing."""
    return {
        one.name: [one.markers, [(item.name, item.colour) for item in one.items]]
        for one in project.timelines
    }


def main():
    """Run the script named first on the edit named second, and print what became of the project."""
    import importlib.util

    spec = importlib.util.spec_from_file_location("resolve_import", sys.argv[1])
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    project = Project()
    module.resolve = Resolve(project)  # as in Resolve's own menu
    code = module.main([sys.argv[2]])
    json.dump({"code": code, "timelines": sorted(state_of(project))}, sys.stderr)


if __name__ == "__main__":
    main()
