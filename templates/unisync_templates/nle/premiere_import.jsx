/*
 * Import an edit that UniSync Post gave back into the project open in Premiere Pro.
 *
 * Run it from Visual Studio Code with Adobe's ExtendScript Debugger, or from a panel of your own.
 * It asks for the returned edit. New sequences come into a bin in the bin "UniSync"; none has the
 * name of one that was there. New media get a colour label, and the new sequences a marker over
 * each clip that plays them. Sequences, bins and clips that are there already are not touched.
 *
 * ExtendScript is JavaScript of 1999: no let, no arrows, no JSON. Written to Adobe's documented
 * objects and tested with a model of them in another JavaScript engine. It has NOT been run in the
 * application.
 */

var UniSync = (function () {
    var BIN = "UniSync";
    var MANGO = 7;
    var READABLE = /\.(xml|aaf|otio)$/i;
    // names that UniSync Post gives to media: the language, then a hash
    var OURS = /unisync_[a-z0-9_\-]+_[0-9a-f]{16}/;

    /** The name in a path that UniSync Post gives to media; "" for any other path. */
    function nameIn(path) {
        var found = OURS.exec(String(path).replace(/\\/g, "/").replace(/^.*\//, ""));
        return found ? found[0] : "";
    }

    /** The name, numbered if it is taken; "taken" has names as its keys. */
    function freeName(wanted, taken) {
        var name = wanted;
        for (var number = 2; taken.hasOwnProperty(name); number += 1) {
            name = wanted + "_" + number;
        }
        return name;
    }

    /** Sequences of the project: their ids and their names, as keys. */
    function known(project) {
        var found = { ids: {}, names: {} };
        for (var i = 0; i < project.sequences.numSequences; i += 1) {
            found.ids[project.sequences[i].sequenceID] = true;
            found.names[project.sequences[i].name] = true;
        }
        return found;
    }

    /** The bin of this name in a bin, which is made when it is not there. */
    function binIn(parent, name) {
        for (var i = 0; i < parent.children.numItems; i += 1) {
            var child = parent.children[i];
            if (child.type === ProjectItemType.BIN && child.name === name) {
                return child;
            }
        }
        var made = parent.createBin(name);
        if (!made) {
            throw new Error("Premiere made no bin. Is the project locked or read-only?");
        }
        return made;
    }

    /** Sequences that were not there before, each under a name that was not there before. */
    function newSequences(project, before) {
        var found = [];
        for (var i = 0; i < project.sequences.numSequences; i += 1) {
            var sequence = project.sequences[i];
            if (!before.ids.hasOwnProperty(sequence.sequenceID)) {
                var name = freeName(sequence.name, before.names);
                if (name !== sequence.name) {
                    sequence.name = name;
                }
                before.names[name] = true;
                found.push(sequence);
            }
        }
        return found;
    }

    /** Mark the clips of one new sequence that play new media; adds to what "told" counts. */
    function markSequence(sequence, told) {
        for (var t = 0; t < sequence.videoTracks.numTracks; t += 1) {
            var clips = sequence.videoTracks[t].clips;
            for (var c = 0; c < clips.numItems; c += 1) {
                markClip(sequence, clips[c], told);
            }
        }
    }

    function markClip(sequence, clip, told) {
        var item = clip.projectItem;
        var path = item ? item.getMediaPath() : ""; // titles and adjustment layers have none
        if (!nameIn(path)) {
            return;
        }
        item.setColorLabel(MANGO);
        var marker = sequence.markers.createMarker(clip.start.seconds);
        marker.name = "UniSync";
        marker.comments = "Lips re-synced by UniSync Post: " + clip.name;
        told.marked += 1;
        if (item.isOffline()) {
            told.offline.push(path);
        }
    }

    /**
     * Import a returned edit.
     *
     * @param {Project} project  as app.project
     * @param {File} file        the returned edit
     * @returns {Object} names of the new sequences, how many clips are marked, paths that are offline
     * @throws {Error} nothing was imported, and what to do
     */
    function importReturned(project, file) {
        if (!project || !project.rootItem) {
            throw new Error("No project is open. Open the project that the edit belongs to.");
        }
        if (!READABLE.test(file.name)) {
            throw new Error(
                "Premiere imports no " + file.name.replace(/^.*\./, ".") +
                    " by script. Dub an edit exported as Final Cut Pro XML, AAF or OTIO."
            );
        }
        if (!file.exists) {
            throw new Error(file.fsName + " is not there. Copy the whole folder that came back.");
        }
        var before = known(project);
        var stem = decodeURI(file.name).replace(/\.[^.]*$/, "");
        var target = binIn(binIn(project.rootItem, BIN), stem);
        if (!project.importFiles([file.fsName], true, target, false)) {
            throw new Error("Premiere did not take " + file.fsName + ". File > Import says why.");
        }
        var sequences = newSequences(project, before);
        if (sequences.length === 0) {
            throw new Error("No sequence came with " + file.fsName + ". File > Import says why.");
        }
        var told = { names: [], marked: 0, offline: [] };
        for (var i = 0; i < sequences.length; i += 1) {
            told.names.push(sequences[i].name);
            markSequence(sequences[i], told);
        }
        return told;
    }

    /** What was done, for people. */
    function report(told) {
        var lines = [
            "New sequences: " + told.names.join(", "),
            "Clips that play new media: " + told.marked
        ];
        if (told.marked === 0) {
            lines.push("CHECK: no clip plays new media. Is the folder media beside the edit?");
        }
        if (told.offline.length > 0) {
            lines.push("Offline, link these: " + told.offline.join(", "));
        }
        return lines.join("\n");
    }

    return { importReturned: importReturned, report: report };
})();

(function () {
    var file = File.openDialog("The edit that UniSync Post returned");
    if (!file) {
        return;
    }
    try {
        alert(UniSync.report(UniSync.importReturned(app.project, file)));
    } catch (error) {
        alert("UniSync: " + error.message);
    }
})();
