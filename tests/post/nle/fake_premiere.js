/* A model of Premiere Pro's ExtendScript objects, as documented: no part of it was taken from, or
 * run in, the application. Collections have numbers and a count but no length, and the engine is
 * stripped of what JavaScript of 1999 lacks. What was there before cannot be written to. */

var said = [];
var alert = function (text) { said.push(text); };
var ProjectItemType = { CLIP: 1, BIN: 2, ROOT: 3, FILE: 4 };

function collection(items, count) {
    var made = {};
    items.forEach(function (item, index) { made[index] = item; });
    made[count] = items.length;
    return made;
}

function frozen(thing, what) {
    return new Proxy(thing, {
        set: function () { throw new Error(what + " was written to"); },
        get: function (target, name) {
            var value = target[name];
            return value && typeof value === "object" ? frozen(value, what) : value;
        }
    });
}

function bin(name) {
    var inside = [];
    return {
        type: ProjectItemType.BIN,
        name: name,
        get children() { return collection(inside, "numItems"); },
        createBin: function (wanted) {
            if (app.refusesBins) { return 0; }
            var made = bin(wanted);
            inside.push(made);
            return made;
        },
        names: function () { return inside.map(function (one) { return one.name; }); }
    };
}

function sequence(id, name, clips) {
    var markers = [];
    return {
        sequenceID: id,
        name: name,
        all: markers,
        markers: {
            createMarker: function (seconds) {
                if (typeof seconds !== "number") { throw new Error("seconds are a number"); }
                var made = { start: seconds, name: "", comments: "" };
                markers.push(made);
                return made;
            }
        },
        videoTracks: collection([{ clips: collection(clips, "numItems") }], "numTracks")
    };
}

function clip(name, start, path) {
    return {
        name: name,
        start: { seconds: start },
        projectItem: path === null ? null : {
            label: 0,
            getMediaPath: function () { return path; },
            isOffline: function () { return app.offline.indexOf(path) >= 0; },
            setColorLabel: function (label) { this.label = label; return 0; }
        }
    };
}

/* disk: what File > Import would find, as {path: [{name, clips: [[name, start, media]]}]} */
function model(disk, chosen) {
    var old = frozen(sequence("old", "Reel", [clip("anna", 0, "/old.mov")]), "an old sequence");
    app = {
        all: [old],
        offline: [],
        project: {
            rootItem: bin("root"),
            get sequences() { return collection(app.all, "numSequences"); },
            importFiles: function (paths, quiet, target, stills) {
                if (paths.length !== 1 || quiet !== true || stills !== false) { return false; }
                if (target.type !== ProjectItemType.BIN || !(paths[0] in disk)) { return false; }
                disk[paths[0]].forEach(function (one) {
                    var clips = one.clips.map(function (c) { return clip(c[0], c[1], c[2]); });
                    app.all.push(sequence("new-" + app.all.length, one.name, clips));
                });
                return true;
            }
        }
    };
    File = {
        openDialog: function () {
            return chosen && {
                fsName: chosen, name: encodeURI(chosen.replace(/^.*[\/\\]/, "")), exists: chosen in disk
            };
        }
    };
}

/* run the script as its engine would: in a realm without what ECMAScript 3 lacks */
function run(script) {
    var frame = document.body.appendChild(document.createElement("iframe"));
    var realm = frame.contentWindow;
    var lacking = [
        [realm.Array, ["isArray", "from", "of"]],
        [realm.Array.prototype, ["forEach", "map", "filter", "indexOf", "reduce", "some", "every",
            "includes", "find"]],
        [realm.String.prototype, ["trim", "startsWith", "endsWith", "includes", "padStart"]],
        [realm.Function.prototype, ["bind"]],
        [realm.Object, ["keys", "assign", "create", "values", "entries", "freeze"]],
        [realm, ["JSON", "Map", "Set", "Promise", "console"]]
    ];
    lacking.forEach(function (pair) {
        pair[1].forEach(function (name) { delete pair[0][name]; });
    });
    realm.app = app;
    realm.File = File;
    realm.alert = alert;
    realm.ProjectItemType = ProjectItemType;
    realm.eval(script);
}
